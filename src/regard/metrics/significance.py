"""How sure a score is, and whether two systems differ, for any metric.

Sentences are drawn again (bootstrap) or swapped between two systems (randomisation) many times; each time the metric's
sums are formed anew from the statistics of the sentences. No text is compared twice. All of it is a function of the
seed, and intervals are percentile intervals of 95 %.

Source  Koehn 2004; Riezler and Maxwell 2005
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from regard.metrics.base import Metric, MetricResult

RESAMPLES = 1_000
TRIALS = 10_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """Two systems' scores in one metric, on the same references."""

    name: str
    first: float
    second: float
    difference: float  # second - first
    interval: tuple[float, float]  # of the difference, 95 %, by paired bootstrap
    p_value: float  # how often systems that are alike differ this much or more, by approximate randomisation


def score_with_interval(
    metric: Metric,
    outputs: Sequence[str],
    references: Sequence[Sequence[str]],
    *,
    resamples: int = RESAMPLES,
    seed: int = 1,
) -> MetricResult:
    """Return what `metric.score` returns, with its interval."""
    statistics = metric.sentence_statistics(outputs, references)
    interval = bootstrap_interval(metric, statistics, resamples=resamples, seed=seed)
    return replace(metric.result(statistics, references), interval=interval)


def compare_outputs(
    metric: Metric,
    first: Sequence[str],
    second: Sequence[str],
    references: Sequence[Sequence[str]],
    *,
    resamples: int = RESAMPLES,
    trials: int = TRIALS,
    seed: int = 1,
) -> Comparison:
    """Return by how much the second system's outputs score above the first's, and how sure that is.

    Raises DataError as `Metric.score` does, for either system.
    """
    statistics = [metric.sentence_statistics(outputs, references) for outputs in (first, second)]
    scores = [metric.from_statistics(rows.sum(axis=0)) for rows in statistics]
    return Comparison(
        name=metric.name,
        first=scores[0],
        second=scores[1],
        difference=scores[1] - scores[0],
        interval=difference_interval(metric, *statistics, resamples=resamples, seed=seed),
        p_value=randomisation_p_value(metric, *statistics, trials=trials, seed=seed),
    )


def bootstrap_interval(
    metric: Metric, statistics: Float[np.ndarray, "sentences sums"], *, resamples: int = RESAMPLES, seed: int = 1
) -> tuple[float, float]:
    """Return the interval of a score when sentences are drawn with replacement.

    It has no width where all sentences are alike, such as all right: then it says nothing about other sentences.
    """
    return _interval([metric.from_statistics(total) for total in _resampled(statistics, resamples, seed)])


def ratio_interval(
    parts: Float[np.ndarray, " sentences"],
    wholes: Float[np.ndarray, " sentences"],
    *,
    resamples: int = RESAMPLES,
    seed: int = 1,
) -> tuple[float, float]:
    """Return the interval of sum(parts) / sum(wholes) when sentences are drawn with replacement.

    Of a mean, wholes are 1. A draw whose wholes sum to 0 does not count; NaN if none counts.
    """
    totals = np.array(list(_resampled(np.stack((parts, wholes), axis=1), resamples, seed)))
    counted = totals[totals[:, 1] > 0]
    return _interval((counted[:, 0] / counted[:, 1]).tolist()) if len(counted) else (math.nan, math.nan)


def difference_interval(
    metric: Metric,
    first: Float[np.ndarray, "sentences sums"],
    second: Float[np.ndarray, "sentences sums"],
    *,
    resamples: int = RESAMPLES,
    seed: int = 1,
) -> tuple[float, float]:
    """Return the interval of second - first when the same sentences are drawn for both."""
    draws = zip(_resampled(first, resamples, seed), _resampled(second, resamples, seed), strict=True)
    return _interval([metric.from_statistics(b) - metric.from_statistics(a) for a, b in draws])


def randomisation_p_value(
    metric: Metric,
    first: Float[np.ndarray, "sentences sums"],
    second: Float[np.ndarray, "sentences sums"],
    *,
    trials: int = TRIALS,
    seed: int = 1,
) -> float:
    """Return the share of trials, each sentence's outputs swapped by a coin's toss, that differ as much or more.

    Two-sided; the texts as they are count as one of the trials, so it is never 0, and 1 for systems that are the same.
    """
    generator = np.random.default_rng(seed)
    first_total, second_total, gained = first.sum(axis=0), second.sum(axis=0), second - first

    def difference(moved: Float[np.ndarray, " sums"]) -> float:
        return abs(metric.from_statistics(second_total - moved) - metric.from_statistics(first_total + moved))

    as_much = difference(np.zeros_like(first_total)) - 1e-9  # sums of fractions, in another order
    tosses = (generator.integers(2, size=len(gained)) for _ in range(trials))
    return (1 + sum(difference(swapped @ gained) >= as_much for swapped in tosses)) / (1 + trials)


def _resampled(
    statistics: Float[np.ndarray, "sentences sums"], resamples: int, seed: int
) -> Iterator[Float[np.ndarray, " sums"]]:
    """Yield the sums over as many sentences as there are, drawn with replacement; the seed decides which."""
    generator, sentences = np.random.default_rng(seed), len(statistics)
    for _ in range(resamples):
        times_drawn = np.bincount(generator.integers(sentences, size=sentences), minlength=sentences)
        yield times_drawn @ statistics


def _interval(scores: Sequence[float]) -> tuple[float, float]:
    low, high = np.quantile(scores, (0.025, 0.975)).tolist()
    return low, high
