"""From batches to trained weights; this file holds only names, so that reading a config needs no torch."""

from regard.registry import Registry

OPTIMIZERS = Registry(
    "optimizer",
    {
        "adam": "regard.training.configs:AdamConfig",
        "adamw": "regard.training.configs:AdamWConfig",
        "muon": "regard.training.configs:MuonConfig",
    },
)
OBJECTIVES = Registry(
    "objective",
    {
        "cross-entropy": "regard.training.configs:CrossEntropyConfig",
        "r-drop": "regard.training.configs:RDropConfig",
    },
)
SCHEDULES = Registry(
    "schedule",
    {
        "inverse-sqrt": "regard.training.configs:InverseSqrtConfig",
        "linear": "regard.training.configs:LinearConfig",
        "cosine": "regard.training.configs:CosineConfig",
        "constant": "regard.training.configs:ConstantConfig",
    },
)
