"""Sizes and choices of each model family; imports no torch."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from regard.config import at_least, shares, variant
from regard.errors import ConfigError
from regard.layers import COPYING, EMBEDDINGS, FEED_FORWARDS, NGRAMS, NORMS, POSITIONS, RESIDUALS
from regard.layers.configs import (
    CopyingConfig,
    EmbeddingsConfig,
    FeedForwardConfig,
    LayerNormConfig,
    NgramsConfig,
    NoCopyingConfig,
    NoNgramsConfig,
    NormConfig,
    PositionsConfig,
    PostNormConfig,
    ReLUConfig,
    ResidualConfig,
    SinusoidalConfig,
    ThreeWayConfig,
    TwoWayConfig,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelConfig:
    """What every family's config has: its name in a config file, the class it stands for, and what surrounds it."""

    kind: ClassVar[str]
    part: ClassVar[str]

    embeddings: EmbeddingsConfig = variant(EMBEDDINGS, ThreeWayConfig())
    ngrams: NgramsConfig = variant(NGRAMS, NoNgramsConfig())
    copying: CopyingConfig = variant(COPYING, NoCopyingConfig())

    def __post_init__(self) -> None:
        """Refuse to copy between two vocabularies."""
        if self.copying.kind == "source" and self.embeddings.kind != "three-way":
            problem = "copying from the source needs one vocabulary for both sides"
            raise ConfigError(problem, where="copying", hint="use embeddings = three-way")


@dataclass(frozen=True, kw_only=True, slots=True)
class TransformerConfig(ModelConfig):
    """Sizes of the model; the defaults are the paper's base model (table 3)."""

    kind: ClassVar[str] = "transformer"
    part: ClassVar[str] = "regard.models.transformer:Transformer"

    encoder_layers: int = 6
    decoder_layers: int = 6
    d_model: int = 512
    heads: int = 8
    key_value_heads: int | None = None  # fewer than heads: groups of heads share keys and values
    d_ff: int = 2048
    dropout: float = 0.1  # on the output of each sub-layer and on the embeddings
    attention_dropout: float = 0.0  # on the attention weights
    inner_dropout: float = 0.0  # inside the feed-forward layer
    embedding_norm: bool = False  # a norm on the embeddings with their positions: BART and mBART have it
    biases: bool = True  # added after each matrix product; without them a step is about a tenth faster
    positions: PositionsConfig = variant(POSITIONS, SinusoidalConfig())
    residual: ResidualConfig = variant(RESIDUALS, PostNormConfig())
    norm: NormConfig = variant(NORMS, LayerNormConfig())
    feed_forward: FeedForwardConfig = variant(FEED_FORWARDS, ReLUConfig())

    def __post_init__(self) -> None:
        """Refuse impossible sizes."""
        ModelConfig.__post_init__(self)
        at_least(self, 1, "encoder_layers", "decoder_layers", "d_model", "heads", "d_ff")
        shares(self, "dropout", "attention_dropout", "inner_dropout")
        if self.d_model % self.heads:
            hint = "pick a divisor of d_model, such as 8"
            raise ConfigError(f"{self.heads} heads do not divide d_model={self.d_model}", where="heads", hint=hint)
        shared = self.key_value_heads
        if shared is not None and (shared < 1 or self.heads % shared):
            hint = f"pick a divisor of {self.heads}"
            raise ConfigError(f"{shared} do not divide heads={self.heads}", where="key_value_heads", hint=hint)
        if self.positions.kind == "rotary" and self.d_model // self.heads % 2:
            hint = "choose fewer heads, or positions=sinusoidal"
            problem = f"rotary positions need heads of even size, not {self.d_head}"
            raise ConfigError(problem, where="positions", hint=hint)

    @property
    def d_head(self) -> int:
        """Size of one head (the paper's d_k = d_v)."""
        return self.d_model // self.heads


@dataclass(frozen=True, kw_only=True, slots=True)
class RecurrentConfig(ModelConfig):
    """Bidirectional encoder, decoder with additive attention (Bahdanau et al. 2015)."""

    kind: ClassVar[str] = "recurrent"
    part: ClassVar[str] = "regard.models.recurrent:Recurrent"

    embeddings: EmbeddingsConfig = variant(EMBEDDINGS, TwoWayConfig())  # goes with one vocabulary or two
    cell: Literal["lstm", "gru"] = "lstm"
    encoder_layers: int = 1
    decoder_layers: int = 1
    d_model: int = 256  # size of embeddings and hidden vectors; each direction of the encoder has half of it
    dropout: float = 0.2  # on the embeddings and on the output of each layer
    attention_dropout: float = 0.0  # on the attention weights

    def __post_init__(self) -> None:
        """Refuse impossible sizes."""
        ModelConfig.__post_init__(self)
        at_least(self, 1, "encoder_layers", "decoder_layers", "d_model")
        shares(self, "dropout", "attention_dropout")
        if self.d_model % 2:
            raise ConfigError(f"{self.d_model} is odd", where="d_model", hint="the encoder has two directions")
