"""Search: every way to decode has one form, and the config's class says which way it is.

Axes    B sentences

A way to decode is a function `(model, sentences, config) -> list[list[Found]]`, named by the config's `part`.
Log-probabilities are the model's own: what is forbidden is left out, and the rest is not scaled up to fill its place.
So a hypothesis has the log-probability that the model gives it when it reads it as a target.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from regard.data.batch import PaddedTokens
from regard.decoding.protocol import StepModel
from regard.decoding.types import DecodingConfig
from regard.errors import DataError
from regard.registry import load_object
from regard.text.vocabulary import BOS, EOS, PAD


@dataclass(frozen=True, slots=True)
class Found:
    """A decoded sequence in ids, without BOS and EOS; see `Hypothesis` for its fields."""

    ids: tuple[int, ...]
    log_prob: float
    score: float
    ended: bool
    token_log_probs: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Sentences:
    """What to decode, and what is settled for each sentence before the first step."""

    source: PaddedTokens
    limits: Int[Tensor, " B"]  # most tokens of an output; a hypothesis of so many may still end
    prefixes: tuple[tuple[int, ...], ...]  # what each output starts with; mostly empty
    keys: tuple[int, ...]  # names for random numbers to depend on, in place of the position in the batch

    def __len__(self) -> int:
        return len(self.keys)


@torch.inference_mode()
def search(
    model: StepModel[Any],
    source: PaddedTokens,
    config: DecodingConfig,
    prefixes: Sequence[Sequence[int]] | None = None,
    keys: Sequence[int] | None = None,
) -> list[list[Found]]:
    """Decode every sentence; return its hypotheses, best first (samples: as drawn).

    Each output starts with its prefix, which may be longer than the limit. `keys` (such as line numbers) are what
    samples depend on besides the seed, so that a line is given the same sample in any batch; without them, positions.
    Fewer than `n_best` hypotheses come back only where no more exist.
    Raises DataError if a prefix holds PAD, BOS or EOS.
    """
    lengths = (source.lengths - 1).tolist()
    forced = tuple(tuple(prefix) for prefix in prefixes) if prefixes is not None else ((),) * len(lengths)
    for number, prefix in enumerate(forced, start=1):
        if not {PAD, BOS, EOS}.isdisjoint(prefix):
            hint = "force only tokens of the text itself"
            raise DataError("holds a token that only marks padding, start or end", where=f"prefix {number}", hint=hint)
    limits = [max(config.limit(length), len(prefix)) for length, prefix in zip(lengths, forced, strict=True)]
    names = tuple(range(len(lengths)) if keys is None else keys)
    sentences = Sentences(source, source.lengths.new_tensor(limits), forced, names)
    found: list[list[Found]] = load_object(config.part)(model, sentences, config)
    return found
