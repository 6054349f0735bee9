"""Choices of each part of a model; imports no torch. The class that does the work is named by `part`."""

from dataclasses import dataclass
from typing import ClassVar

from regard.config import at_least, shares
from regard.errors import ConfigError


@dataclass(frozen=True, kw_only=True, slots=True)
class PartConfig:
    """What every part's config has: its name in a config file and the class it stands for."""

    kind: ClassVar[str]
    part: ClassVar[str]


# Positions: how the model knows where a token stands.


@dataclass(frozen=True, kw_only=True, slots=True)
class PositionsConfig(PartConfig):
    """Base of all positions."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NoPositionsConfig(PositionsConfig):
    """No position information."""

    kind: ClassVar[str] = "none"
    part: ClassVar[str] = "regard.layers.positions:Positions"


@dataclass(frozen=True, kw_only=True, slots=True)
class SinusoidalConfig(PositionsConfig):
    """Sines and cosines added to the embeddings (Vaswani et al. 2017, section 3.5)."""

    kind: ClassVar[str] = "sinusoidal"
    part: ClassVar[str] = "regard.layers.positions:SinusoidalPositions"


@dataclass(frozen=True, kw_only=True, slots=True)
class T2TSinusoidalConfig(PositionsConfig):
    """The same with a slightly longer slowest period, and not from 0 on: as M2M100 and NLLB have it."""

    kind: ClassVar[str] = "sinusoidal-t2t"
    part: ClassVar[str] = "regard.layers.positions:T2TSinusoidalPositions"

    first: int = 2  # position of the first token

    def __post_init__(self) -> None:
        """Refuse positions before the beginning."""
        at_least(self, 0, "first")


@dataclass(frozen=True, kw_only=True, slots=True)
class LearnedConfig(PositionsConfig):
    """A learnt vector for each position, added to the embeddings (Gehring et al. 2017)."""

    kind: ClassVar[str] = "learned"
    part: ClassVar[str] = "regard.layers.positions:LearnedPositions"

    longest: int = 512  # positions beyond the last share its vector

    def __post_init__(self) -> None:
        """Refuse an empty table."""
        if self.longest < 1:
            raise ConfigError(f"{self.longest} is below 1", where="longest", hint="such as 512")


@dataclass(frozen=True, kw_only=True, slots=True)
class RotaryConfig(PositionsConfig):
    """Rotate queries and keys by their position (Su et al. 2021)."""

    kind: ClassVar[str] = "rotary"
    part: ClassVar[str] = "regard.layers.positions:RotaryPositions"

    base: float = 10000.0  # the slowest period is about 2 pi times this, in tokens

    def __post_init__(self) -> None:
        """Refuse a base that gives no period."""
        if self.base <= 1:
            raise ConfigError(f"{self.base} is not above 1", where="base", hint="such as 10000")


@dataclass(frozen=True, kw_only=True, slots=True)
class ShawConfig(PositionsConfig):
    """A learnt vector for each distance, matched with the query (Shaw et al. 2018)."""

    kind: ClassVar[str] = "shaw"
    part: ClassVar[str] = "regard.layers.positions:ShawPositions"

    distance: int = 16  # larger distances share a vector

    def __post_init__(self) -> None:
        """Refuse a negative distance."""
        if self.distance < 1:
            raise ConfigError(f"{self.distance} is below 1", where="distance", hint="such as 16")


@dataclass(frozen=True, kw_only=True, slots=True)
class T5Config(PositionsConfig):
    """A learnt number for each head and bucket of distances, added to the scores (Raffel et al. 2020)."""

    kind: ClassVar[str] = "t5"
    part: ClassVar[str] = "regard.layers.positions:T5Positions"

    buckets: int = 32
    distance: int = 128  # larger distances share the last bucket

    def __post_init__(self) -> None:
        """Refuse tables that leave no room for far distances."""
        if self.buckets < 4 or self.buckets % 4:
            raise ConfigError(f"{self.buckets} is not a multiple of 4", where="buckets", hint="such as 32")
        if self.distance <= self.buckets:
            hint = f"such as {4 * self.buckets}"
            raise ConfigError(f"{self.distance} is not above buckets={self.buckets}", where="distance", hint=hint)


@dataclass(frozen=True, kw_only=True, slots=True)
class AlibiConfig(PositionsConfig):
    """Subtract from the scores in proportion to the distance, a slope per head (Press et al. 2022)."""

    kind: ClassVar[str] = "alibi"
    part: ClassVar[str] = "regard.layers.positions:AlibiPositions"


# Norms and residual connections.


@dataclass(frozen=True, kw_only=True, slots=True)
class NormConfig(PartConfig):
    """Base of all norms."""

    epsilon: float = 1e-5  # added to the variance

    def __post_init__(self) -> None:
        """Refuse a division by zero."""
        if self.epsilon <= 0:
            raise ConfigError(f"{self.epsilon} is not above 0", where="epsilon", hint="such as 1e-5")


@dataclass(frozen=True, kw_only=True, slots=True)
class LayerNormConfig(NormConfig):
    """Mean 0 and variance 1 over the features, then scale and shift (Ba et al. 2016)."""

    kind: ClassVar[str] = "layer"
    part: ClassVar[str] = "regard.layers.residual:LayerNorm"


@dataclass(frozen=True, kw_only=True, slots=True)
class RMSNormConfig(NormConfig):
    """Root mean square 1 over the features, then scale (Zhang & Sennrich 2019)."""

    kind: ClassVar[str] = "rms"
    part: ClassVar[str] = "regard.layers.residual:RMSNorm"


@dataclass(frozen=True, kw_only=True, slots=True)
class ResidualConfig(PartConfig):
    """Base of all residual connections."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PostNormConfig(ResidualConfig):
    """norm(x + sublayer(x)): the original order (Vaswani et al. 2017, section 3.1)."""

    kind: ClassVar[str] = "post-norm"
    part: ClassVar[str] = "regard.layers.residual:PostNorm"


@dataclass(frozen=True, kw_only=True, slots=True)
class PreNormConfig(ResidualConfig):
    """x + sublayer(norm(x)), and a norm at the end: steadier to train (Xiong et al. 2020)."""

    kind: ClassVar[str] = "pre-norm"
    part: ClassVar[str] = "regard.layers.residual:PreNorm"


# Feed-forward layers.


@dataclass(frozen=True, kw_only=True, slots=True)
class FeedForwardConfig(PartConfig):
    """Base of all feed-forward layers."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReLUConfig(FeedForwardConfig):
    """max(0, x W1 + b1) W2 + b2 (Vaswani et al. 2017, section 3.3)."""

    kind: ClassVar[str] = "relu"
    part: ClassVar[str] = "regard.layers.feedforward:ReLUFeedForward"


@dataclass(frozen=True, kw_only=True, slots=True)
class GELUConfig(FeedForwardConfig):
    """The same with GELU (Hendrycks & Gimpel 2016)."""

    kind: ClassVar[str] = "gelu"
    part: ClassVar[str] = "regard.layers.feedforward:GELUFeedForward"


@dataclass(frozen=True, kw_only=True, slots=True)
class SiLUConfig(FeedForwardConfig):
    """The same with SiLU, also called swish (Elfwing et al. 2017): as OPUS-MT has it."""

    kind: ClassVar[str] = "silu"
    part: ClassVar[str] = "regard.layers.feedforward:SiLUFeedForward"


@dataclass(frozen=True, kw_only=True, slots=True)
class SwiGLUConfig(FeedForwardConfig):
    """(silu(x W) * x V) W2: a gated layer with three matrices of d_ff columns (Shazeer 2020)."""

    kind: ClassVar[str] = "swiglu"
    part: ClassVar[str] = "regard.layers.feedforward:SwiGLUFeedForward"


@dataclass(frozen=True, kw_only=True, slots=True)
class GEGLUConfig(FeedForwardConfig):
    """(gelu(x W) * x V) W2, with GELU by tanh (Shazeer 2020): as T5 v1.1 has it."""

    kind: ClassVar[str] = "geglu"
    part: ClassVar[str] = "regard.layers.feedforward:GEGLUFeedForward"


# Embeddings: which of source, target and output share a matrix.


@dataclass(frozen=True, kw_only=True, slots=True)
class EmbeddingsConfig(PartConfig):
    """Base of all embeddings."""

    scaled: bool = True  # times the square root of d_model, as in the paper


@dataclass(frozen=True, kw_only=True, slots=True)
class SeparateConfig(EmbeddingsConfig):
    """Three matrices: source, target, output."""

    kind: ClassVar[str] = "separate"
    part: ClassVar[str] = "regard.layers.embedding:SeparateEmbeddings"


@dataclass(frozen=True, kw_only=True, slots=True)
class TwoWayConfig(EmbeddingsConfig):
    """Target and output share a matrix (Press & Wolf 2017)."""

    kind: ClassVar[str] = "two-way"
    part: ClassVar[str] = "regard.layers.embedding:TwoWayEmbeddings"


@dataclass(frozen=True, kw_only=True, slots=True)
class ThreeWayConfig(EmbeddingsConfig):
    """Source, target and output share a matrix (Vaswani et al. 2017, section 3.4); needs one vocabulary."""

    kind: ClassVar[str] = "three-way"
    part: ClassVar[str] = "regard.layers.embedding:ThreeWayEmbeddings"


# N-grams: whether a source token brings vectors for its surroundings.


@dataclass(frozen=True, kw_only=True, slots=True)
class NgramsConfig(PartConfig):
    """Base of all ways to embed n-grams."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NoNgramsConfig(NgramsConfig):
    """Every token by its own embedding alone (Vaswani et al. 2017, section 3.4)."""

    kind: ClassVar[str] = "none"
    part: ClassVar[str] = "regard.layers.ngrams:NoNgrams"


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceNgramsConfig(NgramsConfig):
    """A learnt vector for each n-gram around a source token (Bojanowski et al. 2017); for letters above all."""

    kind: ClassVar[str] = "source"
    part: ClassVar[str] = "regard.layers.ngrams:SourceNgrams"

    longest: int = 5  # tokens; one table for each n from 2 on
    rows: int = 32768  # of a table; more n-grams than that share rows
    dropout: float = 0.3  # share of n-grams left out while training, since in new texts some are unknown

    def __post_init__(self) -> None:
        """Refuse n-grams that are none, or tables without rows."""
        if not 2 <= self.longest <= 8:
            raise ConfigError(f"{self.longest} is not from 2 to 8", where="longest", hint="such as 5")
        if not 1 <= self.rows < 2**31:
            raise ConfigError(f"{self.rows} is not from 1 to {2**31 - 1}", where="rows", hint="such as 32768")
        shares(self, "dropout")


# Copying: whether the source's own tokens compete with the vocabulary.


@dataclass(frozen=True, kw_only=True, slots=True)
class CopyingConfig(PartConfig):
    """Base of all ways to copy."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NoCopyingConfig(CopyingConfig):
    """Every token by its logit alone (Vaswani et al. 2017, section 3.4)."""

    kind: ClassVar[str] = "none"
    part: ClassVar[str] = "regard.layers.copying:NoCopying"


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceCopyingConfig(CopyingConfig):
    """The source's own tokens add to their logits (Gu et al. 2016); needs one vocabulary for both sides."""

    kind: ClassVar[str] = "source"
    part: ClassVar[str] = "regard.layers.copying:SourceCopying"
