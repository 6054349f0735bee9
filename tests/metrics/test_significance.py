import math
from collections.abc import Sequence

import numpy as np
import pytest

from regard.errors import DataError
from regard.metrics import METRICS
from regard.metrics.accuracy import ExactMatch
from regard.metrics.base import Metric
from regard.metrics.significance import (
    bootstrap_interval,
    compare_outputs,
    difference_interval,
    randomisation_p_value,
    ratio_interval,
    score_with_interval,
)

REFERENCES = [[f"this is sentence number {n} of some thirty"] for n in range(30)]
OUTPUTS = [text if n % 3 else text.replace("is", "was") for n, (text,) in enumerate(REFERENCES)]
OTHERS = [text if n % 2 else text.replace("some ", "") for n, (text,) in enumerate(REFERENCES)]


class Mean(Metric):
    """The mean of numbers that are given instead of texts."""

    name = "mean"

    def statistics(self, output: str, references: Sequence[str]) -> Sequence[int | float]:
        return float(output), 1

    def from_statistics(self, total: np.ndarray) -> float:
        return float(total[0] / total[1])

    def signature(self, references: Sequence[Sequence[str]]) -> str:
        return "mean"


def rows(values: Sequence[float]) -> np.ndarray:
    return np.array([(value, 1.0) for value in values])


def test_the_interval_of_a_share_is_the_binomial_one() -> None:
    low, high = bootstrap_interval(ExactMatch(), rows([1] * 80 + [0] * 20), resamples=4000)
    half = 196 * math.sqrt(0.8 * 0.2 / 100)  # 7.84 points, by the normal approximation
    assert low == pytest.approx(80 - half, abs=1)
    assert high == pytest.approx(80 + half, abs=1)


def test_the_interval_covers_the_truth_19_times_of_20() -> None:
    generator, covered = np.random.default_rng(7), 0
    for _ in range(300):
        low, high = bootstrap_interval(Mean(), rows(generator.normal(5, 1, size=60)), resamples=200)
        covered += low <= 5 <= high
    assert 0.90 <= covered / 300 <= 0.98


def test_four_times_the_sentences_halve_the_interval() -> None:
    few, many = rows([0, 1, 1, 1] * 50), rows([0, 1, 1, 1] * 200)
    widths = [high - low for low, high in (bootstrap_interval(ExactMatch(), values) for values in (few, many))]
    assert widths[0] / widths[1] == pytest.approx(2, rel=0.15)


@pytest.mark.parametrize("values", [[1.0], [1.0] * 20])
def test_sentences_that_are_alike_leave_no_width(values: list[float]) -> None:
    assert bootstrap_interval(ExactMatch(), rows(values)) == (100.0, 100.0)


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_has_an_interval_around_its_score(name: str) -> None:
    metric = METRICS[name]()
    result = score_with_interval(metric, OUTPUTS, REFERENCES, resamples=200)
    assert result.interval is not None
    low, high = result.interval
    assert low < result.value < high
    plain = metric.score(OUTPUTS, REFERENCES)
    assert (result.value, result.signature, result.details) == (plain.value, plain.signature, plain.details)


def test_the_seed_decides() -> None:
    values = rows(np.random.default_rng(3).normal(size=50))
    assert bootstrap_interval(Mean(), values, seed=4) == bootstrap_interval(Mean(), values, seed=4)
    assert bootstrap_interval(Mean(), values, seed=4) != bootstrap_interval(Mean(), values, seed=5)


@pytest.mark.parametrize("name", METRICS)
def test_changing_places_changes_the_sign_alone(name: str) -> None:
    metric = METRICS[name]()
    there = compare_outputs(metric, OUTPUTS, OTHERS, REFERENCES, resamples=100, trials=200)
    back = compare_outputs(metric, OTHERS, OUTPUTS, REFERENCES, resamples=100, trials=200)
    assert (there.first, there.second, there.p_value) == (back.second, back.first, back.p_value)
    assert there.difference == -back.difference == metric.score(OTHERS, REFERENCES).value - there.first
    assert there.interval == pytest.approx((-back.interval[1], -back.interval[0]), abs=1e-9)


def test_a_system_does_not_differ_from_itself() -> None:
    comparison = compare_outputs(ExactMatch(), OUTPUTS, OUTPUTS, REFERENCES, trials=100)
    assert (comparison.difference, comparison.interval, comparison.p_value) == (0.0, (0.0, 0.0), 1.0)


def test_the_p_value_by_hand() -> None:
    # first all wrong, second all right: of the 8 ways to swap three sentences only two differ by 100 points
    p_value = randomisation_p_value(ExactMatch(), rows([0, 0, 0]), rows([1, 1, 1]))
    assert p_value == pytest.approx(2 / 8, abs=0.02)


def test_the_p_value_is_a_sign_test_for_right_and_wrong() -> None:
    # they disagree on 12 sentences, 2 for the first and 10 for the second; the rest changes nothing
    first, second = rows([1] * 2 + [0] * 10 + [1] * 30), rows([0] * 2 + [1] * 10 + [1] * 30)
    two_sided = 2 * sum(math.comb(12, n) for n in range(3)) / 2**12
    assert randomisation_p_value(ExactMatch(), first, second) == pytest.approx(two_sided, abs=0.01)


def test_systems_that_are_alike_have_p_values_spread_evenly() -> None:
    generator = np.random.default_rng(11)
    p_values = [
        randomisation_p_value(Mean(), rows(first), rows(second), trials=100, seed=trial)
        for trial, (first, second) in enumerate(generator.normal(size=(300, 2, 30)))
    ]
    for level in (0.1, 0.3, 0.5, 0.8):
        assert np.mean(np.array(p_values) <= level) == pytest.approx(level, abs=0.08)


def test_a_clear_gain_is_seen_by_both() -> None:
    generator = np.random.default_rng(13)
    first = generator.normal(0, 1, size=200)
    second = first + generator.normal(0.5, 0.5, size=200)
    low, high = difference_interval(Mean(), rows(first), rows(second))
    half = 1.96 * np.std(second - first) / math.sqrt(200)  # of the paired differences, not of either system
    assert (low, high) == pytest.approx((np.mean(second - first) - half, np.mean(second - first) + half), abs=0.02)
    assert randomisation_p_value(Mean(), rows(first), rows(second), trials=999) == 1 / 1000


def test_both_systems_are_checked() -> None:
    with pytest.raises(DataError, match="29 outputs, but references for 30"):
        compare_outputs(ExactMatch(), OUTPUTS, OTHERS[:-1], REFERENCES)


def test_the_interval_of_a_ratio_is_that_of_the_same_sums() -> None:
    values = [float(n % 5) for n in range(40)]
    expected = bootstrap_interval(Mean(), rows(values))
    assert ratio_interval(np.array(values), np.ones(40)) == expected
    low, high = ratio_interval(2.0 * np.arange(1, 9), np.arange(1.0, 9.0))
    assert low == high == pytest.approx(2.0)
    assert all(map(math.isnan, ratio_interval(np.zeros(2), np.zeros(2))))
