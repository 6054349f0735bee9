from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest

from regard.evaluation.buckets import BOUNDS, by_length


def test_groups_by_hand() -> None:
    assert by_length([6, 1, 5, 10, 11, 2, 7], fewest=2) == [[1, 2, 5], [0, 3, 4, 6]]


def test_a_group_ends_at_a_bound_and_not_before() -> None:
    assert by_length([5, 5, 6, 6], fewest=2) == [[0, 1], [2, 3]]
    assert by_length([4, 4, 5, 5], fewest=2) == [[0, 1, 2, 3]]


def test_too_few_wait_for_longer_ones_and_at_the_end_join_shorter_ones() -> None:
    assert by_length([1, 6, 11, 21, 22, 300], fewest=2) == [[0, 1], [2, 3, 4, 5]]


def test_fewer_than_a_group_are_one() -> None:
    assert by_length([100, 1], fewest=3) == [[0, 1]]
    assert by_length([], fewest=3) == []


@pytest.mark.parametrize("fewest", [1, 2, 30])
def test_all_sentences_are_in_one_group_and_groups_are_in_order(fewest: int) -> None:
    lengths: Sequence[int] = np.random.default_rng(1).integers(1, 400, size=500).tolist()
    groups = by_length(lengths, fewest)
    assert sorted(i for group in groups for i in group) == list(range(500))
    assert all(len(group) >= fewest for group in groups)
    assert len(groups) <= len(BOUNDS) + 1
    ends = [(min(lengths[i] for i in group), max(lengths[i] for i in group)) for group in groups]
    for (_, longest), (shortest, _) in pairwise(ends):
        assert any(longest <= bound < shortest for bound in BOUNDS)
