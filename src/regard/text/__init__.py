"""Strings to tokens to ids and back; no torch."""

from regard.registry import Registry

TOKENIZERS = Registry(
    "tokenizer",
    {
        "unigram": "regard.text.configs:UnigramConfig",
        "bpe": "regard.text.configs:BpeConfig",
        "characters": "regard.text.configs:CharactersConfig",
        "spaced": "regard.text.configs:SpacedConfig",
        "foreign": "regard.text.configs:ForeignConfig",
    },
)
