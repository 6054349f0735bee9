"""Matrices to the nearest orthogonal ones, by products alone: what Muon does to every update.

Each round applies an odd polynomial a x + b x³ + c x⁵ to the singular values and leaves the singular vectors.
"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

Polynomial = tuple[float, float, float]

FIXED: Polynomial = (3.4445, -4.7750, 2.0315)
"""The same in every round (Jordan et al. 2024): five of them bring values from 0.01 to 1 to within 0.7 and 1.2."""

SMALLEST = 0.01
"""Singular value from which on fitted polynomials do their best; the largest one is 1 at most, as the norm is 1."""


def orthogonal(matrices: Float[Tensor, "N R C"], rounds: Sequence[Polynomial]) -> Float[Tensor, "N R C"]:
    """Return matrices with all singular values near 1, and the same singular vectors."""
    tall = matrices.size(1) > matrices.size(2)
    x = matrices.transpose(1, 2) if tall else matrices
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for a, b, c in rounds:
        product = x @ x.transpose(1, 2)
        x = torch.baddbmm(x, torch.baddbmm(product, product, product, beta=b, alpha=c), x, beta=a)
    return x.transpose(1, 2) if tall else x


def fitted(rounds: int) -> list[Polynomial]:
    """Return the polynomials that together come nearest to 1 on all values from SMALLEST to 1 (Amsel et al. 2025).

    Each is the best one for the interval that those before it leave; three do what takes five of the fixed ones.
    """
    low, high, found = SMALLEST, 1.0, []
    for _ in range(rounds):
        if high - low > 0.02:  # below this they no longer change, and the fit would be one of rounding errors
            polynomial, error = nearest_to_one(low, high)
            low, high = 1.0 - error, 1.0 + error
        found.append(polynomial)
    return found


def nearest_to_one(low: float, high: float) -> tuple[Polynomial, float]:
    """Return the odd polynomial of degree 5 whose largest distance to 1 is least, and that distance (Remez 1934)."""
    x = np.geomspace(low, high, 4001)
    powers = np.stack((x, x**3, x**5), axis=1)
    places, signs = np.linspace(0, len(x) - 1, 4).astype(int), np.array([1.0, -1.0, 1.0, -1.0])
    for _ in range(50):
        a, b, c, _ = np.linalg.solve(np.column_stack((powers[places], signs)), np.ones(4))
        error = 1.0 - powers @ (a, b, c)
        turns = np.flatnonzero(np.diff(np.sign(np.diff(error)))) + 1
        extremes = np.concatenate(([0], turns, [len(x) - 1]))
        if len(extremes) != 4 or (extremes == places).all():
            break
        places = extremes
    return (float(a), float(b), float(c)), float(np.abs(error).max())
