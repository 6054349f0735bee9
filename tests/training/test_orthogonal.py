from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from regard.training.orthogonal import FIXED, SMALLEST, Polynomial, fitted, nearest_to_one, orthogonal

ROUNDS = {"fixed": [FIXED] * 8, "fitted": fitted(8)}


@pytest.mark.parametrize("rounds", ROUNDS.values(), ids=ROUNDS)
@pytest.mark.parametrize("shape", [(2, 8, 8), (3, 4, 16), (1, 16, 4)])
def test_it_brings_singular_values_near_one_and_keeps_the_vectors(
    shape: tuple[int, ...], rounds: list[Polynomial]
) -> None:
    matrices = torch.randn(shape)
    made = orthogonal(matrices, rounds)
    values = torch.linalg.svdvals(made)
    assert values.min() > 0.6
    assert values.max() < 1.3
    u, _, vh = torch.linalg.svd(matrices, full_matrices=False)
    inner = u.transpose(1, 2) @ made @ vh.transpose(1, 2)
    assert_close(inner, torch.diag_embed(inner.diagonal(dim1=1, dim2=2)), rtol=0, atol=1e-3)


def largest_error(rounds: list[Polynomial]) -> float:
    """Return how far from 1 a singular value may end."""
    x = np.geomspace(SMALLEST, 1.0, 10_001)
    for a, b, c in rounds:
        x = a * x + b * x**3 + c * x**5
    return float(np.abs(x - 1.0).max())


def test_three_fitted_rounds_are_better_than_five_fixed_ones_and_more_are_better_still() -> None:
    errors = [largest_error(fitted(rounds)) for rounds in (1, 2, 3, 4, 5, 9)]
    assert all(after < before for before, after in pairwise(errors))
    assert errors[2] < largest_error([FIXED] * 5) < errors[1]
    assert errors[-1] < 1e-6


@pytest.mark.parametrize("low", [0.01, 0.3])
def test_no_other_polynomial_is_nearer_to_one(low: float) -> None:
    (a, b, c), error = nearest_to_one(low, 1.0)
    x = np.geomspace(low, 1.0, 10_001)
    missed = 1.0 - (a * x + b * x**3 + c * x**5)
    turns = [0, *(np.flatnonzero(np.diff(np.sign(np.diff(missed)))) + 1), len(x) - 1]
    assert_close(
        np.abs(missed[turns]), np.full(4, error), rtol=1e-3, atol=0
    )  # as often as it has free numbers, and once
    assert all(after * before < 0 for before, after in pairwise(missed[turns]))
