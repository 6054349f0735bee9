"""Parts of models; this file holds only their names, so that reading a config needs no torch."""

from regard.registry import Registry

POSITIONS = Registry(
    "positions",
    {
        "none": "regard.layers.configs:NoPositionsConfig",
        "sinusoidal": "regard.layers.configs:SinusoidalConfig",
        "sinusoidal-t2t": "regard.layers.configs:T2TSinusoidalConfig",
        "learned": "regard.layers.configs:LearnedConfig",
        "rotary": "regard.layers.configs:RotaryConfig",
        "shaw": "regard.layers.configs:ShawConfig",
        "t5": "regard.layers.configs:T5Config",
        "alibi": "regard.layers.configs:AlibiConfig",
    },
)
RESIDUALS = Registry(
    "residual",
    {"post-norm": "regard.layers.configs:PostNormConfig", "pre-norm": "regard.layers.configs:PreNormConfig"},
)
NORMS = Registry(
    "norm", {"layer": "regard.layers.configs:LayerNormConfig", "rms": "regard.layers.configs:RMSNormConfig"}
)
FEED_FORWARDS = Registry(
    "feed-forward",
    {
        "relu": "regard.layers.configs:ReLUConfig",
        "gelu": "regard.layers.configs:GELUConfig",
        "silu": "regard.layers.configs:SiLUConfig",
        "swiglu": "regard.layers.configs:SwiGLUConfig",
        "geglu": "regard.layers.configs:GEGLUConfig",
    },
)
EMBEDDINGS = Registry(
    "embeddings",
    {
        "separate": "regard.layers.configs:SeparateConfig",
        "two-way": "regard.layers.configs:TwoWayConfig",
        "three-way": "regard.layers.configs:ThreeWayConfig",
    },
)
NGRAMS = Registry(
    "n-grams", {"none": "regard.layers.configs:NoNgramsConfig", "source": "regard.layers.configs:SourceNgramsConfig"}
)
COPYING = Registry(
    "copying", {"none": "regard.layers.configs:NoCopyingConfig", "source": "regard.layers.configs:SourceCopyingConfig"}
)
