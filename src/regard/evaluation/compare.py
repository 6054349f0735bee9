"""Whether one model is better than another, as far as given pairs can tell."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from regard.config import to_mapping
from regard.errors import DataError
from regard.evaluation.evaluate import Evaluation, Sentence, title
from regard.metrics import METRICS
from regard.metrics.significance import RESAMPLES, TRIALS, Comparison, compare_outputs

LEVEL = 0.05
"""The p-value below which a difference counts."""

SHOWN = 5
"""Sentences of either kind that are shown."""


@dataclass(frozen=True, slots=True)
class Example:
    """A sentence on which two models differ, as either has done it."""

    first: Sentence
    second: Sentence
    better: Literal["first", "second"]


@dataclass(frozen=True, slots=True)
class Contrast:
    """Two evaluations on the same pairs, and what their difference is worth."""

    first: Evaluation
    second: Evaluation
    metrics: Mapping[str, Comparison]

    def better(self, name: str) -> Literal["first", "second"] | None:
        """Return which model is better by a metric, or None if the pairs cannot tell."""
        comparison = self.metrics[name]
        if comparison.p_value >= LEVEL or not comparison.difference:
            return None
        return "second" if (comparison.difference > 0) is self.first.metrics[name].higher_is_better else "first"

    def verdict(self, name: str, first: str = "A", second: str = "B") -> str:
        """Say in words which model is better by a metric."""
        comparison, result = self.metrics[name], self.first.metrics[name]
        better, p = self.better(name), p_value(comparison.p_value)
        if better is None:
            return (
                f"no difference in {title(result)} that these {len(self.first.sentences):,} sentences could show, {p}"
            )
        amount = f"{abs(comparison.difference):.2f} {'points of ' if result.unit else ''}{title(result)}"
        return f"{second if better == 'second' else first} is better by {amount}, {p}"

    def examples(self, count: int = SHOWN) -> list[Example]:
        """Return the sentences on which the models differ most: where the second gains most, then where it loses most.

        At most `count` of either kind; scored by the first metric, the next ones breaking ties.
        """
        pairs = zip(self.first.sentences, self.second.sentences, strict=True)
        gains = sorted(((self._gains(a, b), a, b) for a, b in pairs), key=lambda each: each[0])
        none = (0.0,) * len(self.metrics)
        gained = [Example(a, b, "second") for gain, a, b in reversed(gains) if gain > none]
        lost = [Example(a, b, "first") for gain, a, b in gains if gain < none]
        return gained[:count] + lost[:count]

    def _gains(self, first: Sentence, second: Sentence) -> tuple[float, ...]:
        before, after = self.first.goodness(first), self.second.goodness(second)
        return tuple(b - a for a, b in zip(before, after, strict=True))

    def to_json(self) -> dict[str, Any]:
        """Return it as one object of plain values."""
        return {
            "first": self.first.to_json(),
            "second": self.second.to_json(),
            "metrics": {
                name: to_mapping(comparison) | {"better": self.better(name), "words": self.verdict(name)}
                for name, comparison in self.metrics.items()
            },
            "examples": [
                {
                    "source": example.first.source,
                    "references": example.first.references,
                    "first": example.first.output,
                    "second": example.second.output,
                    "better": example.better,
                }
                for example in self.examples()
            ],
        }


def compare(
    first: Evaluation, second: Evaluation, *, resamples: int = RESAMPLES, trials: int = TRIALS, seed: int = 1
) -> Contrast:
    """Compare two evaluations; intervals and p-values are a function of the seed.

    Raises DataError if they are not of the same pairs or not by the same metrics.
    """
    if _task(first.sentences) != _task(second.sentences):
        hint = "evaluate both on the same pairs, in the same order"
        raise DataError("the sentences are not those of the first", where=second.model, hint=hint)
    if list(first.metrics) != list(second.metrics):
        problem = f"scored by {', '.join(second.metrics)}, and the first by {', '.join(first.metrics)}"
        raise DataError(problem, where=second.model, hint="evaluate both by the same metrics")
    comparisons = {
        name: compare_outputs(
            METRICS[name](),
            first.outputs,
            second.outputs,
            first.references,
            resamples=resamples,
            trials=trials,
            seed=seed,
        )
        for name in first.metrics
    }
    return Contrast(first, second, comparisons)


def p_value(p: float) -> str:
    """Write a p-value as it is quoted."""
    return f"p = {p:.3f}" if p >= 0.001 else "p < 0.001"


def _task(sentences: Sequence[Sentence]) -> list[tuple[str, tuple[str, ...]]]:
    return [(sentence.source, sentence.references) for sentence in sentences]
