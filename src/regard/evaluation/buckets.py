"""Sentences grouped by their length."""

from bisect import bisect_left
from collections.abc import Sequence

BOUNDS = (5, 10, 15, 20, 30, 40, 60, 80, 120, 160, 240)
"""Lengths after which a group may end, in tokens."""

FEWEST = 30
"""Sentences in a group; an interval of fewer says little."""


def by_length(lengths: Sequence[int], fewest: int = FEWEST) -> list[list[int]]:
    """Return groups of sentences, by index: groups of short ones first, the sentences of each in their order.

    A group ends at the first bound that leaves it with `fewest` sentences; too few at the end join the group before.
    """
    groups: list[list[int]] = []
    for i in sorted(range(len(lengths)), key=lambda i: lengths[i]):
        if not groups or (len(groups[-1]) >= fewest and _between(lengths[groups[-1][-1]], lengths[i])):
            groups.append([])
        groups[-1].append(i)
    if len(groups) > 1 and len(groups[-1]) < fewest:
        last = groups.pop()
        groups[-1] += last
    return [sorted(group) for group in groups]


def _between(shorter: int, longer: int) -> bool:
    """Tell whether a bound lies between two lengths."""
    return bisect_left(BOUNDS, shorter) != bisect_left(BOUNDS, longer)
