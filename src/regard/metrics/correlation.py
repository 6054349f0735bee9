"""Whether two lists of numbers put the same things first."""

import numpy as np
from jaxtyping import Float


def ranks(values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Return the rank of each number, from 1; equal numbers share the mean of their ranks."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = counts.cumsum().astype(np.float64)
    return (last - (counts - 1) / 2)[places]


def spearman(first: Float[np.ndarray, " n"], second: Float[np.ndarray, " n"]) -> float:
    """Return the correlation of the ranks (Spearman 1904), -1 to 1; NaN if one of the lists is all alike."""
    one, other = (rank - rank.mean() for rank in (ranks(first), ranks(second)))
    size = np.sqrt((one @ one) * (other @ other))
    return float(one @ other / size) if size > 0 else float("nan")
