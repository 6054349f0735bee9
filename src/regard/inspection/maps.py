"""One attention map as plain numbers, to be drawn in a terminal or a report; no torch."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

WHAT_IT_IS_NOT = "This is where the decoder read, not what changed the output."
"""The sentence that stands beside every map of weights."""


@dataclass(frozen=True, slots=True)
class AttentionMap:
    """How the writing of each row's token was spread over the tokens of the columns."""

    title: str
    rows: tuple[str, ...]  # target tokens, each where it was written
    columns: tuple[str, ...]  # source tokens
    weights: Float[np.ndarray, "rows columns"]  # rows sum to 1
