"""Families of models; this file holds only their names, so that reading a config needs no torch."""

from regard.registry import Registry

MODELS = Registry(
    "model",
    {
        "transformer": "regard.models.configs:TransformerConfig",
        "recurrent": "regard.models.configs:RecurrentConfig",
    },
    plugins=True,
)
