"""One map as plain numbers, to be drawn in a terminal, a figure or a report; no torch."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

WHAT_IT_IS_NOT = "This is where the decoder read, not what changed the output."
"""The sentence that stands beside every map of weights."""

WEIGHTS = "weight; rows sum to 1"
"""What the numbers of a map of weights are."""


@dataclass(frozen=True, slots=True)
class AttentionMap:
    """How the writing of each row's token was spread over the tokens of the columns."""

    title: str
    rows: tuple[str, ...]  # target tokens, each where it was written
    columns: tuple[str, ...]  # source tokens
    weights: Float[np.ndarray, "rows columns"]  # of weights, rows sum to 1
    not_this: str = WHAT_IT_IS_NOT
    unit: str = WEIGHTS

    def _repr_html_(self) -> str:
        """Return the map as a notebook shows it."""
        from regard.inspection.notebook import html_table

        return html_table(self)

    @property
    def scale(self) -> float:
        """The number that is drawn strongest: 1, or the largest there is if there are larger ones or signs."""
        largest = float(np.abs(self.weights).max(initial=0.0))
        return largest if self.signed or largest > 1 + 1e-4 else 1.0

    @property
    def signed(self) -> bool:
        """Whether there are numbers below 0, but for what rounding leaves."""
        return bool((self.weights < -1e-4).any())
