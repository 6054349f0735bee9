"""The format of Hugging Face's transformers library, both ways; this file holds only names.

A row of ARCHITECTURES is an `architecture.Architecture`, by the `model_type` of their config.
"""

from regard.registry import Registry

ARCHITECTURES = Registry(
    "architecture",
    {
        "marian": "regard.interop.huggingface.bart_family:BART_FAMILY",
        "bart": "regard.interop.huggingface.bart_family:BART_FAMILY",
        "mbart": "regard.interop.huggingface.bart_family:BART_FAMILY",
        "m2m_100": "regard.interop.huggingface.bart_family:BART_FAMILY",
        "t5": "regard.interop.huggingface.t5:T5",
        "mt5": "regard.interop.huggingface.t5:T5",
    },
)
