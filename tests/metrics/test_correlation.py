import math

import numpy as np
import pytest

from regard.metrics.correlation import ranks, spearman


def test_ranks_by_hand() -> None:
    assert ranks(np.array([10.0, 30.0, 20.0])).tolist() == [1, 3, 2]
    assert ranks(np.array([5.0, 7.0, 5.0, 5.0])).tolist() == [2, 4, 2, 2]


def test_spearman_by_hand() -> None:
    """1 - 6 Σd² / n(n² - 1) with differences 1, 1, 0: 1 - 12/24."""
    assert spearman(np.array([1.0, 2.0, 3.0]), np.array([20.0, 10.0, 99.0])) == pytest.approx(0.5)
    assert spearman(np.array([1.0, 2.0, 3.0]), np.array([-1.0, -2.0, -30.0])) == pytest.approx(-1)


def test_with_ties_it_is_the_correlation_of_mean_ranks() -> None:
    """Ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4: covariance 4.5 over the root of 4.5 times 5."""
    found = spearman(np.array([1.0, 2.0, 2.0, 3.0]), np.array([1.0, 2.0, 3.0, 4.0]))
    assert found == pytest.approx(4.5 / math.sqrt(4.5 * 5))


def test_what_is_all_alike_has_no_ranking() -> None:
    assert math.isnan(spearman(np.ones(3), np.arange(3.0)))
