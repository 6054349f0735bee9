import math

import pytest
import torch

from regard.decoding.top import top


@pytest.mark.parametrize(
    ("width", "k"), [(1, 1), (5, 5), (40, 3), (1000, 3), (1024, 1), (1500, 7), (4097, 6), (300, 300)]
)
def test_it_agrees_with_a_stable_sort(width: int, k: int) -> None:
    for values in (torch.randn(9, width), torch.randint(-2, 3, (9, width)) / 2, torch.zeros(9, width)):
        found, places = top(values, k)
        wanted, wanted_places = values.sort(dim=1, descending=True, stable=True)
        assert torch.equal(found, wanted[:, :k])
        assert torch.equal(places, wanted_places[:, :k])


def test_equal_values_come_from_left_to_right_across_blocks() -> None:
    values = torch.full((1, 2000), -1.0)
    values[0, [31, 32, 700, 1999]] = 1.0
    assert top(values, 3)[1].tolist() == [[31, 32, 700]]
    assert top(values, 5)[1].tolist() == [[31, 32, 700, 1999, 0]]


def test_zero_has_no_sign() -> None:
    assert top(torch.tensor([[-0.0, 0.0, -0.0]]), 3)[1].tolist() == [[0, 1, 2]]


def test_rows_with_few_possible_values() -> None:
    values = torch.full((2, 1001), -math.inf)
    values[0, 1000] = -5.0
    values[1, 3] = math.nan
    found, places = top(values, 2)
    assert places.tolist() == [[1000, 0], [3, 0]]
    assert found[0].tolist() == [-5.0, -math.inf]
    assert math.isnan(found[1, 0])
