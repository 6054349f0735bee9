"""The trellis: every token that a search wrote, with the row it continued; hypotheses are read off backwards.

Axes    R rows after a step · E hypotheses that are complete
"""

import math
from collections.abc import Callable

from jaxtyping import Float, Int
from torch import Tensor

from regard.decoding.search import Found


class Trellis:
    """Collects tensors while the search runs and looks into them only when it is over.

    A hypothesis is complete when it ended with EOS or was cut off; its owner is the sentence (or sample) it is for.
    """

    def __init__(self) -> None:
        self._steps: list[tuple[Tensor, Tensor, Tensor]] = []
        self._complete: list[tuple[int, Tensor, Tensor, Tensor | None]] = []

    def extend(self, parents: Int[Tensor, " R"], tokens: Int[Tensor, " R"], log_probs: Float[Tensor, " R"]) -> None:
        """Add one step: row i continues the row `parents[i]` of the step before with `tokens[i]`."""
        self._steps.append((parents, tokens, log_probs))

    def complete(
        self, owners: Int[Tensor, " E"], rows: Int[Tensor, " E"], end_log_probs: Float[Tensor, " E"] | None
    ) -> None:
        """Note that these rows of the last step are complete; `end_log_probs` (of EOS) is None if they are cut off."""
        if len(rows):
            self._complete.append((len(self._steps), owners, rows, end_log_probs))

    def found(self, owners: int, divisor: Callable[[int], float]) -> list[list[Found]]:
        """Return the complete hypotheses of each owner: ended before cut off, then by score, then as they came."""
        steps = [(parents.tolist(), tokens.tolist(), lps.tolist()) for parents, tokens, lps in self._steps]
        found: list[list[Found]] = [[] for _ in range(owners)]
        for length, owner_list, rows, ends in self._complete:
            end_lists = [()] * len(rows) if ends is None else [(end,) for end in ends.tolist()]
            for owner, row, end in zip(owner_list.tolist(), rows.tolist(), end_lists, strict=True):
                ids, log_probs = _path(steps, length, row)
                log_probs += end
                total = math.fsum(log_probs)
                score = total / divisor(len(log_probs))
                found[owner].append(Found(tuple(ids), total, score, ends is not None, tuple(log_probs)))
        for hypotheses in found:
            hypotheses.sort(key=lambda h: (not h.ended, -h.score))
        return found


def _path(
    steps: list[tuple[list[int], list[int], list[float]]], length: int, row: int
) -> tuple[list[int], list[float]]:
    """Return the tokens that lead to `row` of step `length`, and their log-probabilities."""
    ids, log_probs = [0] * length, [0.0] * length
    for step in range(length - 1, -1, -1):
        parents, tokens, token_log_probs = steps[step]
        ids[step], log_probs[step] = tokens[row], token_log_probs[row]
        row = parents[row]
    return ids, log_probs
