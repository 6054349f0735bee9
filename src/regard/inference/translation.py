"""What a Translator gives back."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "empty", "refused", "cut", "split", "unfinished"]
"""What became of a source text.

ok          translated
empty       nothing to translate, so nothing came out; the model was not asked
refused     too long, and over-long texts were to be refused; nothing came out
cut         too long: only its beginning was read
split       too long: its parts were translated one by one
unfinished  the output was cut off by the length limit
"""

OverLong = Literal["refuse", "cut", "split"]
"""What to do with a source that has more tokens than `text.longest_source`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """A text that the model wrote and how likely the model finds it; NaN if it was not asked."""

    text: str
    tokens: tuple[str, ...] = ()
    token_log_probs: tuple[float, ...] = ()  # in nats, one per token, then EOS if it ended (of each part, if split)
    log_prob: float = math.nan  # their sum, which is all that some engines know
    score: float = math.nan  # the same after length normalisation: what outputs are ranked by
    ended: bool = True  # False if it was cut off by the length limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Translation(Output):
    """The best output for a source text."""

    source: str
    status: Status
    alternatives: tuple[Output, ...] = ()  # the next best, or further samples, if several were asked for

    @classmethod
    def of(cls, source: str, status: Status, outputs: Sequence[Output]) -> "Translation":
        """Make the first output the translation and the others its alternatives."""
        best, *others = outputs
        return cls(
            source=source,
            status=status,
            text=best.text,
            tokens=best.tokens,
            token_log_probs=best.token_log_probs,
            log_prob=best.log_prob,
            score=best.score,
            ended=best.ended,
            alternatives=tuple(others),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PairScore:
    """How likely a model finds a given target."""

    source: str
    target: str
    status: Literal["ok", "cut", "refused"]  # cut, refused: source or target is too long
    tokens: tuple[str, ...]  # of the target
    token_log_probs: tuple[float, ...] = ()  # in nats, one per token, then EOS

    @property
    def log_prob(self) -> float:
        """The sum over the tokens and EOS, in nats; NaN if refused."""
        return math.fsum(self.token_log_probs) if self.token_log_probs else math.nan

    @property
    def mean(self) -> float:
        """The log-probability per token, EOS counted."""
        return self.log_prob / max(1, len(self.token_log_probs))

    @property
    def perplexity(self) -> float:
        """The exponential of minus the mean, or infinity where that is too large for a number."""
        return math.inf if self.mean < -700 else math.exp(-self.mean)
