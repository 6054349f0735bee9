"""How to search, and what a search finds; no torch.

Length normalisations divide the sum of log-probabilities by a function of n, the number of tokens with EOS.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from regard.config import at_least, between, seed, variant
from regard.decoding import LENGTHS
from regard.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A decoded sequence, without BOS and EOS."""

    tokens: tuple[str, ...]
    log_prob: float  # sum over the tokens and EOS, in nats
    score: float  # the same after length normalisation: what hypotheses are ranked by
    ended: bool  # False if it was cut off by the length limit
    token_log_probs: tuple[float, ...] = ()  # one per token, then EOS if it ended; empty if an engine knows but the sum


@dataclass(frozen=True, kw_only=True, slots=True)
class LengthNormalisation(ABC):
    """What log-probabilities are divided by."""

    kind: ClassVar[str]

    @abstractmethod
    def divisor(self, length: int) -> float:
        """Return the divisor for `length` tokens, EOS included; it never falls as the length grows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NoNormalisation(LengthNormalisation):
    """Rank by the plain sum."""

    kind: ClassVar[str] = "none"

    def divisor(self, length: int) -> float:
        return 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class GnmtNormalisation(LengthNormalisation):
    """((5 + n) / 6)^alpha (Wu et al. 2016, equation 14), which the Transformer paper uses with alpha 0.6."""

    kind: ClassVar[str] = "gnmt"
    alpha: float = 0.6  # 0 to 10

    def __post_init__(self) -> None:
        """Refuse a divisor that falls or overflows."""
        between(self, 0, 10, "alpha")

    def divisor(self, length: int) -> float:
        return ((5.0 + length) / 6.0) ** self.alpha


@dataclass(frozen=True, kw_only=True, slots=True)
class PowerNormalisation(LengthNormalisation):
    """n^alpha; alpha 1 is the mean log-probability of a token."""

    kind: ClassVar[str] = "power"
    alpha: float = 1.0  # 0 to 10

    def __post_init__(self) -> None:
        """Refuse a divisor that falls or overflows."""
        between(self, 0, 10, "alpha")

    def divisor(self, length: int) -> float:
        return float(max(length, 1)) ** self.alpha


@dataclass(frozen=True, kw_only=True, slots=True)
class DecodingConfig:
    """What every search obeys."""

    kind: ClassVar[str]
    part: ClassVar[str]  # the function that searches so

    length_ratio: float = 2.0  # an output has at most this many tokens per source token ...
    length_extra: int = 10  # ... and this many more
    min_length: int = 0  # tokens before EOS is allowed
    max_length: int = 1024  # tokens, whatever the source
    no_repeat: int = 0  # forbid an n-gram of this size to occur twice; 0 = allowed
    n_best: int = 1  # hypotheses given back

    def __post_init__(self) -> None:
        """Refuse impossible limits."""
        at_least(self, 0, "length_extra", "min_length", "no_repeat")
        at_least(self, 1, "max_length")
        between(self, 1, 10_000, "n_best")
        between(self, 0, 1000, "length_ratio")
        between(self, 0, self.max_length, "min_length")

    def limit(self, source_length: int) -> int:
        """Return the most tokens an output may have for a source of so many tokens (EOS not counted)."""
        limit = int(self.length_ratio * source_length) + self.length_extra
        return max(self.min_length, min(self.max_length, limit))


@dataclass(frozen=True, kw_only=True, slots=True)
class GreedyConfig(DecodingConfig):
    """The likeliest token at every step."""

    kind: ClassVar[str] = "greedy"
    part: ClassVar[str] = "regard.decoding.greedy:greedy"

    def __post_init__(self) -> None:
        """Refuse to promise what greedy search never finds."""
        DecodingConfig.__post_init__(self)
        if self.n_best > 1:
            hint = "use beam or sampling for several"
            raise ConfigError(f"greedy search finds 1 hypothesis, not {self.n_best}", where="n_best", hint=hint)


@dataclass(frozen=True, kw_only=True, slots=True)
class BeamConfig(DecodingConfig):
    """Keep the best few hypotheses at every step."""

    kind: ClassVar[str] = "beam"
    part: ClassVar[str] = "regard.decoding.beam:beam"
    beams: int = 4
    length: LengthNormalisation = variant(LENGTHS, GnmtNormalisation())

    def __post_init__(self) -> None:
        """Refuse impossible widths."""
        DecodingConfig.__post_init__(self)
        between(self, 1, 1000, "beams")
        if self.n_best > self.beams:
            hint = f"keep at least {self.n_best} beams"
            raise ConfigError(f"{self.n_best} of {self.beams} beams cannot be given", where="n_best", hint=hint)


@dataclass(frozen=True, kw_only=True, slots=True)
class SamplingConfig(DecodingConfig):
    """Draw every token from the model's distribution, cut to its likely part."""

    kind: ClassVar[str] = "sampling"
    part: ClassVar[str] = "regard.decoding.sampling:sampling"
    temperature: float = 1.0
    top_k: int = 0  # keep the k likeliest; 0 = all
    top_p: float = 1.0  # keep the likeliest that together have this much probability
    seed: int = 1

    def __post_init__(self) -> None:
        """Refuse impossible distributions."""
        DecodingConfig.__post_init__(self)
        if not 0.001 <= self.temperature <= 1000:
            hint = "for 0 use greedy"
            raise ConfigError(f"{self.temperature} is not within 0.001 to 1000", where="temperature", hint=hint)
        at_least(self, 0, "top_k")
        between(self, 1e-6, 1, "top_p")
        seed(self)
