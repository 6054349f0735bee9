"""What silencing heads does to a translation: to the probability of each word, and to what would be written instead.

Axes    B rows, one for each knock-out · T target positions
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from regard.data.batch import PaddedTokens
from regard.decoding.search import search
from regard.decoding.types import DecodingConfig
from regard.inference.engine import Tokens
from regard.inspection.knockout import KnockOut, Means, silenced
from regard.inspection.subject import END, LOOK_TOKENS, Subject, log_probs
from regard.inspection.words import Words

WHAT_IT_IS_NOT = "This is what silencing these heads does here, with all others at work; not what they do alone."
"""The sentence that stands beside every effect."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What a knock-out does to one translation."""

    knockout: KnockOut
    changes: tuple[float, ...]  # of the log-probability of each word and of EOS, nats; below 0: the heads had helped it
    output: str | None  # what the model writes with the heads silenced; None if it was not asked
    tokens: tuple[str, ...] = ()

    @property
    def total(self) -> float:
        """Change of the log-probability of the whole translation, in nats."""
        return sum(self.changes)


def effects_of(
    subject: Subject,
    source: Tokens,
    target: Tokens,
    knockouts: Sequence[KnockOut],
    *,
    means: Means | None = None,
    decoding: DecodingConfig | None = None,
) -> list[Effect]:
    """Return what each knock-out does to a translation; with `decoding`, what would be written is searched for too.

    Raises UsageError if the model lacks one of the heads.
    """
    words = target_words(subject, target)
    size = max(1, LOOK_TOKENS // (max(len(source), len(target)) + 1) - 1)
    found: list[Effect] = []
    for start in range(0, len(knockouts), size):
        part = knockouts[start : start + size]
        changes_BT = _changes(subject, source, target, part, means)
        written: Iterator[tuple[str, ...] | None] = iter([None] * len(part))
        if decoding is not None:
            written = _written(subject, source, part, means, decoding)
        for knockout, row_T, tokens in zip(part, changes_BT, written, strict=True):
            text = None if tokens is None else subject.sides.target.tokenizer.join(tokens)
            found.append(Effect(knockout, tuple(words.sums(row_T).tolist()), text, tokens or ()))
    return found


def target_words(subject: Subject, target: Tokens) -> Words:
    """Return the words of a target and, last, EOS."""
    return Words.of(subject.sides.target.tokenizer, target, after=(END,))


@torch.inference_mode()
def _changes(
    subject: Subject, source: Tokens, target: Tokens, knockouts: Sequence[KnockOut], means: Means | None
) -> Float[np.ndarray, "B T"]:
    """Return by how much the log-probability of each token changes; the model as it is runs in the same batch."""
    batch = subject.batch([(source, target)]).repeated(1 + len(knockouts))
    with silenced(subject.model, [KnockOut.of(), *knockouts], means) as model:
        found_BT = log_probs(model(batch), batch)
    return (found_BT[1:] - found_BT[:1]).cpu().double().numpy()


def _written(
    subject: Subject, source: Tokens, knockouts: Sequence[KnockOut], means: Means | None, decoding: DecodingConfig
) -> Iterator[tuple[str, ...]]:
    ids = subject.sides.source.vocabulary.ids(source)
    sources = PaddedTokens.sources([ids] * len(knockouts)).to(subject.device)
    with silenced(subject.model, knockouts, means) as model:
        found = search(model, sources, decoding)
    yield from (tuple(subject.sides.target.vocabulary.tokens(best.ids)) for best, *_ in found)
