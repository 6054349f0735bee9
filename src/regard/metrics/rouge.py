"""ROUGE F1 through the rouge-score package (extra `rouge`), as papers on summaries print it.

Words are lower-cased runs of a-z and 0-9, those of over three letters stemmed (Porter); other scripts score 0. Of
several references each output counts its best, and outputs count alike: the score is the mean over them.
"""

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from regard.errors import import_extra
from regard.metrics.base import Metric, reference_count


class Rouge(Metric):
    """Overlap of an output with a reference (Lin 2004); raises MissingExtraError without rouge-score."""

    unit: ClassVar[str] = ""

    def __init__(self) -> None:
        self._scorer = import_extra("rouge_score.rouge_scorer", "rouge").RougeScorer([self.name], use_stemmer=True)

    def statistics(self, output: str, references: Sequence[str]) -> Sequence[int | float]:
        best = self._scorer.score_multi(references, output)[self.name]
        return best.precision, best.recall, best.fmeasure, 1.0

    def from_statistics(self, total: Float[np.ndarray, " sums"]) -> float:
        _, _, f1, outputs = total.tolist()
        return 100 * f1 / outputs

    def details(self, total: Float[np.ndarray, " sums"]) -> Mapping[str, float]:
        precision, recall, _, outputs = total.tolist()
        return {"precision": 100 * precision / outputs, "recall": 100 * recall / outputs, "outputs": outputs}

    def signature(self, references: Sequence[Sequence[str]]) -> str:
        rules = "measure:f1|refs:max|stemmer:yes|tok:rouge-score"
        return f"{self.name}|nrefs:{reference_count(references)}|{rules}|version:{version('rouge-score')}"


class Rouge1(Rouge):
    """F1 of words."""

    name: ClassVar[str] = "rouge1"


class Rouge2(Rouge):
    """F1 of pairs of neighbouring words."""

    name: ClassVar[str] = "rouge2"


class RougeL(Rouge):
    """F1 of the longest common subsequence of words, over the output as one sentence (not ROUGE-Lsum)."""

    name: ClassVar[str] = "rougeL"
