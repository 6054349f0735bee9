"""Search for the best output of any model that can be stepped."""

from regard.registry import Registry

SEARCHES = Registry(
    "search",
    {
        "greedy": "regard.decoding.types:GreedyConfig",
        "beam": "regard.decoding.types:BeamConfig",
        "sampling": "regard.decoding.types:SamplingConfig",
    },
)
LENGTHS = Registry(
    "length normalisation",
    {
        "none": "regard.decoding.types:NoNormalisation",
        "gnmt": "regard.decoding.types:GnmtNormalisation",
        "power": "regard.decoding.types:PowerNormalisation",
    },
)
