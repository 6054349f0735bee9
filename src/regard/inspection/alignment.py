"""Which source word each output word stands for, read off the head that measures best and never off a fixed one.

A head can be read at the output step, where a word is about to be written, or at the input step, where the decoder
reads it (Chen et al. 2020): which is better, and in which layer and head, only measuring tells. Every output word is
linked with the source word that the head gave most, and a source word that is left with the output word that gave it
most; pieces are summed over source words and averaged over output words.

Axes    B sentences · T target positions · S source positions · H heads
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import torch
from jaxtyping import Float

from regard.data.batch import Batch
from regard.errors import DataError, UnsupportedError
from regard.inference.engine import Tokens
from regard.inspection.attribution import PairWords
from regard.inspection.capture import capture_attention
from regard.inspection.heads import Head, heads_of, layers_of
from regard.inspection.norms import value_norms
from regard.inspection.subject import Subject
from regard.inspection.trace import AttentionTrace, Measure, joined_weights
from regard.metrics.alignments import Gold, Links, error_rate, error_sums
from regard.metrics.significance import ratio_interval

Step = Literal["output", "input"]
"""Where a target word is read: when it is written, or when it is read as what was written."""

STEPS: tuple[Step, ...] = get_args(Step)
MEASURES: tuple[Measure, ...] = get_args(Measure)

Against = Literal["gold", "silver"]
"""What alignments are measured against: people's or the task's own, or those of a statistical aligner."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read alignments off a model."""

    head: Head
    measure: Measure
    step: Step

    @property
    def words(self) -> str:
        """The same in words."""
        return f"{self.measure}s of {self.head.words}, read at the {self.step} step"


@dataclass(frozen=True, slots=True)
class Choice:
    """The reading that is best on one half of the pairs, and its error on the other half."""

    reading: Reading
    error: float  # alignment error rate, 0 to 1, on the half that it was not chosen on
    interval: tuple[float, float]  # of that, 95 %, by bootstrap over pairs
    pairs: int  # in that half
    against: Against

    @property
    def words(self) -> str:
        """The choice and how good it is, in words."""
        low, high = self.interval
        against = "gold" if self.against == "gold" else "silver (a statistical aligner's)"
        of = f"error rate {self.error:.3f} ({low:.3f} to {high:.3f}) against {against} alignments of {self.pairs} pairs"
        return f"{self.reading.words}: {of} on which it was not chosen"

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        reading = {"head": str(self.reading.head), "measure": self.reading.measure, "step": self.reading.step}
        measured = {"error": self.error, "interval": list(self.interval), "pairs": self.pairs, "against": self.against}
        return {**reading, **measured}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Choice":
        """Return what `to_json` wrote down."""
        reading = Reading(Head.named(values["head"]), values["measure"], values["step"])
        low, high = values["interval"]
        return cls(reading, values["error"], (low, high), values["pairs"], values["against"])


@dataclass(frozen=True, slots=True)
class ErrorMap:
    """The alignment error rate of every way to read alignments off a model."""

    readings: tuple[Reading, ...]
    sums: Float[np.ndarray, "readings pairs 4"]
    against: Against

    @property
    def errors(self) -> Float[np.ndarray, " readings"]:
        """The error rate over all pairs."""
        return error_rate(self.sums.sum(axis=1))

    def choose(self) -> Choice:
        """Return the reading that is best on every other pair, and its error on those between."""
        best = int(error_rate(self.sums[:, ::2].sum(axis=1)).argmin())
        others = self.sums[best, 1::2] if self.sums.shape[1] > 1 else self.sums[best]
        right, total = others[:, :2].sum(axis=1), others[:, 2:].sum(axis=1)
        low, high = ratio_interval(total - right, total)
        return Choice(
            self.readings[best], float(error_rate(others.sum(axis=0))), (low, high), len(others), self.against
        )


def error_map(
    subject: Subject, pairs: Sequence[tuple[Tokens, Tokens]], gold: Sequence[Gold], against: Against = "gold"
) -> ErrorMap:
    """Measure every encoder-decoder head, by weights and by norms, at both steps, against alignments.

    Raises UnsupportedError if the model has no such head, DataError if a link leads out of its text.
    """
    heads = [head for head in heads_of(subject.model) if head.kind == "encoder-decoder"]
    if not heads:
        raise UnsupportedError("has no encoder-decoder attention", where="model", hint="it cannot align words")
    readings = tuple(Reading(head, measure, step) for measure in MEASURES for step in STEPS for head in heads)
    sums = np.zeros((len(readings), len(pairs), 4))
    for rows, batch in subject.batches(pairs):
        seen = dict(zip(MEASURES, _seen(subject, batch), strict=True))
        for row, i in enumerate(rows):
            words = PairWords.of(subject, *pairs[i])
            check_links(gold[i], words, i)
            found = [
                links for measure in MEASURES for step in STEPS for links in _links(seen[measure][row], words, step)
            ]
            sums[:, i] = [error_sums(links, gold[i]) for links in found]
    return ErrorMap(readings, sums, against)


def check_links(gold: Gold, words: PairWords, number: int) -> None:
    """Raise DataError if a link leads to a word that is not there."""
    sizes = len(words.source.plain), len(words.target.plain)
    for link in gold.possible:
        if link[0] >= sizes[0] or link[1] >= sizes[1]:
            problem = f"link {link[0]}-{link[1]}, but the texts have {sizes[0]} and {sizes[1]} words"
            hint = "words stand between spaces and are counted from 0; characters count in scripts without spaces"
            raise DataError(problem, where=f"alignment {number + 1}", hint=hint)


def align(trace: AttentionTrace, words: PairWords, step: Step, head: Head) -> Links:
    """Return the links that a head of a trace makes."""
    (links,) = _links(trace[head][None].double().numpy(), words, step)
    return links


def word_weights(
    weights: Float[np.ndarray, "T S"], words: PairWords, step: Step
) -> Float[np.ndarray, "target_words source_words"]:
    """Return what each output word was given of each source word, both without special tokens."""
    tokens = len(weights) - 1
    rows = weights[:-1] if step == "output" else weights[1:]
    shares = words.target.shares[:tokens, words.target.plain]
    return (shares / shares.sum(axis=0)).T @ words.source.sums(rows)[:, words.source.plain]


def _links(weights: Float[np.ndarray, "H T S"], words: PairWords, step: Step) -> list[Links]:
    sizes = len(words.source.texts), len(words.target.texts)
    used = weights[:, : len(words.target.shares), : len(words.source.shares)]  # the rest is padding
    if min(sizes) == 1:  # EOS alone
        return [frozenset()] * len(weights)
    return [linked(word_weights(one, words, step)) for one in used]


def linked(weights: Float[np.ndarray, "target_words source_words"]) -> Links:
    """Return the best source word of each output word, and the best output word of each source word that is left."""
    links = {(int(i), j) for j, i in enumerate(weights.argmax(axis=1))}
    left = set(range(weights.shape[1])) - {i for i, _ in links}
    return frozenset(links | {(i, int(weights[:, i].argmax())) for i in left})


def _seen(subject: Subject, batch: Batch) -> tuple[Float[np.ndarray, "B H T S"], Float[np.ndarray, "B H T S"]]:
    """Return weights and norms of all encoder-decoder heads, layer by layer."""
    with torch.inference_mode(), capture_attention(subject.model) as calls:
        subject.model(batch)
    weights, norms = [], []
    for name, attention in layers_of(subject.model)["encoder-decoder"]:
        with torch.inference_mode():
            weights.append(joined_weights(calls[name]))
            norms.append(weights[-1] * value_norms(attention, calls[name][-1].v)[:, :, None])
    both = torch.cat(weights, dim=1), torch.cat(norms, dim=1)
    return both[0].double().cpu().numpy(), both[1].double().cpu().numpy()
