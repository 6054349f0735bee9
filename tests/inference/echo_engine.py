"""An engine that can be worked out by hand: every output is its source in capitals, once per hypothesis asked for."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path
from typing import Literal

from regard.decoding.types import BeamConfig, DecodingConfig, Hypothesis, NoNormalisation
from regard.inference.engine import FEATURES, Tokens
from regard.model_folder import ModelFolder, ModelSettings
from regard.text.configs import SpacedConfig
from regard.text.sides import Side, Sides, TextConfig
from regard.text.tokenizer import Spaced
from regard.text.vocabulary import Vocabulary

LOG_PROB = -0.5
"""Of every token of the best output; the k-th output has k times as much."""


@dataclass
class EchoEngine:
    """Remembers what it was asked for: sources, prefixes and keys. Outputs over `limit` tokens do not end."""

    limit: int = 100
    supports: frozenset[str] = FEATURES
    name: str = "echo"
    asked: list[tuple[list[str], list[str], int]] = field(default_factory=list)

    @classmethod
    def load(
        cls,
        folders: Sequence[ModelFolder],
        *,
        threads: int | None = None,
        device: str = "cpu",
        precision: str | None = None,
    ) -> "EchoEngine":
        return cls()

    def translate(
        self,
        sources: Iterable[Tokens],
        config: DecodingConfig,
        prefixes: Iterable[Tokens] | None = None,
        keys: Iterable[int] | None = None,
    ) -> Iterator[list[Hypothesis]]:
        for source, prefix, key in zip(sources, prefixes or repeat(()), keys or repeat(0), strict=False):
            self.asked.append((list(source), list(prefix), key))
            tokens = (*prefix, *(token.upper() for token in source))
            yield [self._hypothesis(tokens, rank * LOG_PROB) for rank in range(1, config.n_best + 1)]

    def _hypothesis(self, tokens: tuple[str, ...], log_prob: float) -> Hypothesis:
        ended = len(tokens) <= self.limit
        kept = tokens[: self.limit]
        log_probs = (log_prob,) * (len(kept) + ended)
        return Hypothesis(kept, sum(log_probs), sum(log_probs), ended, log_probs)

    def score(self, pairs: Iterable[tuple[Tokens, Tokens]]) -> Iterator[tuple[float, ...]]:
        for _, target in pairs:
            yield (LOG_PROB,) * (len(target) + 1)


def echo_folder(longest: int = 4, over_long: Literal["refuse", "cut"] = "refuse") -> ModelFolder:
    """Return a model folder of spaced tokens that is not on disk."""
    text = TextConfig(
        source=SpacedConfig(),
        target=SpacedConfig(),
        longest_source=longest,
        longest_target=longest,
        over_long=over_long,
    )
    side = Side(Spaced((), SpacedConfig()), Vocabulary(()))
    decoding = BeamConfig(length=NoNormalisation())
    return ModelFolder(Path("echo"), ModelSettings(text=text, decoding=decoding), Sides(side, side))
