"""Whether an engine writes what the reference does: torch in float32."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regard.config import to_mapping
from regard.decoding.types import DecodingConfig
from regard.evaluation.evaluate import Evaluation
from regard.inference.translator import Translator
from regard.metrics import METRICS

TOLERATED = 0.1
"""BLEU that an engine may differ by."""

REFERENCE = "torch"
"""The engine whose default precision, float32, others are held to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineComparison:
    """What an engine wrote beside what the reference wrote, for the same sentences."""

    bleu: float
    reference_bleu: float
    same: int  # outputs that are equal
    sentences: int

    @property
    def difference(self) -> float:
        """BLEU that the engine has more."""
        return self.bleu - self.reference_bleu

    @property
    def tolerable(self) -> bool:
        """False if the engine should not stand for the model."""
        return abs(self.difference) <= TOLERATED

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return to_mapping(self) | {"difference": self.difference}


def compare_with_reference(
    run: str | Path, evaluation: Evaluation, decoding: DecodingConfig, threads: int | None = None
) -> EngineComparison:
    """Translate the sources again by the reference engine, and score both."""
    reference = Translator.load(run, engine=REFERENCE, threads=threads)
    sources = [sentence.source for sentence in evaluation.sentences]
    expected = [translation.text for translation in reference.translate(sources, decoding=decoding)]
    return EngineComparison(
        bleu=_bleu(evaluation.outputs, evaluation.references),
        reference_bleu=_bleu(expected, evaluation.references),
        same=sum(ours == theirs for ours, theirs in zip(evaluation.outputs, expected, strict=True)),
        sentences=len(sources),
    )


def _bleu(outputs: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    value: float = METRICS["bleu"]().score(outputs, references).value
    return value
