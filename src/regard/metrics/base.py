"""What every metric gives, and the one road from texts to a score.

A score is a function of sums over the sentences: n-grams matched, edits made, tokens there were. Those of each sentence
are its statistics. Summed over all sentences they give the score, summed over some the score of a part, and summed over
sentences drawn again and again its interval (`regard.metrics.significance`).
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from regard.errors import DataError


@dataclass(frozen=True, kw_only=True, slots=True)
class MetricResult:
    """A score, with what must stand beside it when it is quoted."""

    name: str
    value: float  # of 100, in percent or points; an error rate can exceed it
    unit: str  # "%" or, for points, ""
    higher_is_better: bool
    signature: str  # all that could make the number differ for the same texts
    interval: tuple[float, float] | None = None  # 95 %, by bootstrap
    details: Mapping[str, float] = field(default_factory=dict)  # the numbers that the value is made of


class Metric(ABC):
    """Compares texts; a subclass says what a sentence adds to the sums and what the sums mean."""

    name: ClassVar[str]
    unit: ClassVar[str] = "%"
    higher_is_better: ClassVar[bool] = True

    @abstractmethod
    def statistics(self, output: str, references: Sequence[str]) -> Sequence[int | float]:
        """Return what one output, compared with its references, adds to the sums."""

    @abstractmethod
    def from_statistics(self, total: Float[np.ndarray, " sums"]) -> float:
        """Return the score that belongs to the sums."""

    @abstractmethod
    def signature(self, references: Sequence[Sequence[str]]) -> str:
        """Return "name|key:value|...": how a score against these references is computed."""

    def details(self, total: Float[np.ndarray, " sums"]) -> Mapping[str, float]:
        """Return the numbers that explain the score."""
        return {}

    def score(self, outputs: Sequence[str], references: Sequence[Sequence[str]]) -> MetricResult:
        """Score the outputs as one text; each has one or more references of its own.

        Raises DataError if there is nothing to score or an output lacks references.
        """
        return self.result(self.sentence_statistics(outputs, references), references)

    def sentence_statistics(
        self, outputs: Sequence[str], references: Sequence[Sequence[str]]
    ) -> Float[np.ndarray, "sentences sums"]:
        """Return the statistics of each sentence, one row per output; raises DataError as `score` does."""
        _check(outputs, references)
        return np.array([self.statistics(*pair) for pair in zip(outputs, references, strict=True)], dtype=np.float64)

    def result(
        self, statistics: Float[np.ndarray, "sentences sums"], references: Sequence[Sequence[str]]
    ) -> MetricResult:
        """Return the score of sentences whose statistics are known, all or a part of them."""
        total = statistics.sum(axis=0)
        return MetricResult(
            name=self.name,
            value=self.from_statistics(total),
            unit=self.unit,
            higher_is_better=self.higher_is_better,
            signature=self.signature(references),
            details=self.details(total),
        )


def reference_count(references: Sequence[Sequence[str]]) -> str:
    """Return how many references each output has, or "var" where that varies."""
    counts = {len(alternatives) for alternatives in references}
    return str(*counts) if len(counts) == 1 else "var"


def _check(outputs: Sequence[str], references: Sequence[Sequence[str]]) -> None:
    if isinstance(outputs, str):
        raise DataError("one text where a list is needed", where="outputs", hint="write [output, ...]")
    if len(outputs) != len(references):
        hint = "give each output a list of references, in the same order"
        raise DataError(f"{len(outputs)} outputs, but references for {len(references)}", hint=hint)
    if not outputs:
        raise DataError("there is nothing to score", where="outputs", hint="give at least one output")
    for number, alternatives in enumerate(references):
        if isinstance(alternatives, str) or not alternatives:
            problem = "one text where a list is needed" if alternatives else "this output has no reference"
            raise DataError(problem, where=f"references[{number}]", hint="write [[reference, ...], ...]")
