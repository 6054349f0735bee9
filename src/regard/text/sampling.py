"""Splits of a word drawn at random: subword regularisation.

The draws are a function of the numbers that `random` gives and of nothing else, on any machine; the sentencepiece
library has samplers of its own, but they differ from process to process.
"""

import math
from bisect import bisect
from collections.abc import Callable, Mapping
from functools import lru_cache
from itertools import pairwise

CACHED = 2**16
"""Words (or states of words) whose choices are kept in memory, about 1 kB each."""

Random = Callable[[], float]
"""Gives a number from 0 to 1, 1 excluded, with every call."""


class UnigramSampler:
    """Draws a split with a probability in proportion to its own probability to the power of `strength`.

    Source  Kudo 2018, section 3.2, over all splits
    """

    def __init__(self, scores: Mapping[str, float], strength: float) -> None:
        """Take the log-probability of every piece."""
        self._weights = {piece: math.exp(strength * score) for piece, score in scores.items()}
        self._longest = max(map(len, scores))
        self._choices = lru_cache(CACHED)(self._find_choices)

    def draw(self, word: str, random: Random) -> list[str]:
        """Return the pieces of a word, from its last to its first chosen by what leads up to them."""
        choices, end, pieces = self._choices(word), len(word), []
        while end:
            ending_here, bounds = choices[end]
            piece = ending_here[bisect(bounds, random())]
            pieces.append(piece)
            end -= len(piece)
        pieces.reverse()
        return pieces

    def _find_choices(self, word: str) -> list[tuple[list[str], list[float]]]:
        """Return for each place the pieces that may end there, and the bounds between their probabilities."""
        choices: list[tuple[list[str], list[float]]] = [([], [])]
        totals = [1.0]  # weight of all splits up to each place
        for end in range(1, len(word) + 1):
            pieces, sums, total = [], [], 0.0
            for start in range(max(0, end - self._longest), end):
                if weight := self._weights.get(piece := word[start:end]):
                    total += totals[start] * weight
                    pieces.append(piece)
                    sums.append(total)
            if not pieces:  # an unknown character: it stands alone in every split
                pieces, sums, total = [word[end - 1]], [], totals[end - 1]
            choices.append((pieces, [part / total for part in sums[:-1]]))
            totals.append(total)
        return choices


class MergeSampler:
    """Merges pairs in the learnt order, but at every step misses out each possible merge with a chance of `strength`.

    Source  BPE-dropout: Provilkov et al. 2020, algorithm 1
    """

    def __init__(self, scores: Mapping[str, float], strength: float) -> None:
        """Take the score of every piece; the higher, the earlier it is merged."""
        self._scores, self._chance = scores, strength
        self._merges = lru_cache(CACHED)(self._find_merges)

    def draw(self, word: str, random: Random) -> list[str]:
        """Return the pieces of a word."""
        pieces = tuple(word)
        while merges := self._merges(pieces):
            missed, number, bound = 0, random(), self._chance
            while number < bound and missed < len(merges):
                missed, bound = missed + 1, bound * self._chance
            if missed == len(merges):
                break
            pieces = merges[missed]
        return list(pieces)

    def _find_merges(self, pieces: tuple[str, ...]) -> list[tuple[str, ...]]:
        """Return what every possible merge would give, the first in the learnt order first."""
        places = [i for i, (left, right) in enumerate(pairwise(pieces)) if left + right in self._scores]
        places.sort(key=lambda i: -self._scores[pieces[i] + pieces[i + 1]])
        return [(*pieces[:i], pieces[i] + pieces[i + 1], *pieces[i + 2 :]) for i in places]
