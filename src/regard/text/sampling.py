"""Splits of a word drawn at random, so that a model meets words in many forms: subword regularisation.

What is drawn is a function of the given random numbers alone, on every machine. (The samplers of the sentencepiece
library are not used: the same seed gives other splits in another process.)
"""

import math
from bisect import bisect
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from itertools import chain, pairwise, repeat
from typing import Protocol, runtime_checkable

RandomNumbers = Callable[[], float]
"""Gives a number from 0 to 1, never 1 itself, with every call."""

WORDS_KEPT = 2**16
"""Words whose possible splits stay in memory, about 2 kB each."""

Endings = tuple[tuple[str, ...], tuple[float, ...]]
"""The pieces that may end at a place in a word, and the bounds between their chances."""

NEVER = math.inf
"""Rank of what is no merge, and the gap before a miss that does not come."""


@runtime_checkable
class Sampler(Protocol):
    """Draws the pieces of words."""

    def __init__(self, scores: Mapping[str, float], sampling: float) -> None:
        """Take the learnt score of every piece, and how to sample."""

    def draw(self, word: str, random: RandomNumbers) -> list[str]:
        """Return the pieces of a word; a character that is no piece stands alone."""
        ...


class UnigramSampler:
    """Draws from all splits, each with a chance in proportion to its probability to the power of `sampling`.

    Source  Kudo 2018, section 3.2
    """

    def __init__(self, scores: Mapping[str, float], sampling: float) -> None:
        self._pieces = {piece: (piece, math.exp(sampling * score)) for piece, score in scores.items()}
        self._longest = max(map(len, scores))
        self._lattice = lru_cache(WORDS_KEPT)(self._make_lattice)

    def draw(self, word: str, random: RandomNumbers) -> list[str]:
        lattice, end, pieces = self._lattice(word), len(word), []
        while end:
            ending_here, bounds = lattice[end]
            pieces.append(piece := ending_here[bisect(bounds, random())])
            end -= len(piece)
        pieces.reverse()
        return pieces

    def _make_lattice(self, word: str) -> tuple[Endings, ...]:
        """Return what may end at every place in the word, from before its first character to after its last."""
        lattice: list[Endings] = [((), ())]
        totals = [1.0]  # of the weights of all splits of the word up to a place
        for end in range(1, len(word) + 1):
            pieces, sums, total = [], [], 0.0
            for start in range(max(0, end - self._longest), end):
                if found := self._pieces.get(word[start:end]):
                    piece, weight = found
                    total += totals[start] * weight
                    pieces.append(piece)
                    sums.append(total)
            if not pieces:  # the character before is none either
                pieces, sums, total = [word[end - 1]], [], totals[end - 1]
            lattice.append((tuple(pieces), tuple([part / total for part in sums[:-1]])))
            totals.append(total)
        return tuple(lattice)


class MergeSampler:
    """Merges pairs in the learnt order, but at every step misses out each possible merge with the chance `sampling`.

    Source  Provilkov et al. 2020, algorithm 1 (BPE-dropout)
    """

    def __init__(self, scores: Mapping[str, float], sampling: float) -> None:
        self._rank = {piece: -score for piece, score in scores.items()}.get
        self._log_kept = math.log1p(-sampling) if sampling < 1 else -math.inf
        self._usual = lru_cache(WORDS_KEPT)(self._make_usual)

    def draw(self, word: str, random: RandomNumbers) -> list[str]:
        undisturbed, detours = self._usual(word)
        first = self._gap(random)
        if first >= len(word) - len(undisturbed):
            return list(undisturbed)
        second, detour = self._gap(random), detours[int(first)]
        if first + second >= len(word) - len(detour):
            return list(detour)
        gaps = iter(lambda: self._gap(random), None)
        return self._merged(word, chain((first, second), gaps))

    def _gap(self, random: RandomNumbers) -> float:
        """Return how many merges are done before the next one that is missed out."""
        return math.log1p(-random()) // self._log_kept

    def _make_usual(self, word: str) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Return the pieces if no merge is missed out, and if only that after the first 0, 1, 2 ... merges is."""
        undisturbed = tuple(self._merged(word, repeat(NEVER)))
        steps = range(len(word) - len(undisturbed))
        return undisturbed, [tuple(self._merged(word, chain((step,), repeat(NEVER)))) for step in steps]

    def _merged(self, word: str, gaps: Iterator[float]) -> list[str]:
        """Return the pieces when of the merges that come up, one is missed out after each of the `gaps`."""
        pieces, gap, rank = list(word), next(gaps), self._rank
        ranks = [rank(left + right, NEVER) for left, right in pairwise(pieces)]
        while True:
            offered = ranks if gap else ranks.copy()
            while (best := min(offered, default=NEVER)) < NEVER and not gap:
                offered[offered.index(best)], gap = NEVER, next(gaps)
            if best == NEVER:
                return pieces
            place, gap = offered.index(best), gap - 1
            pieces[place] += pieces.pop(place + 1)
            del ranks[place]
            if place > 0:
                ranks[place - 1] = rank(pieces[place - 1] + pieces[place], NEVER)
            if place < len(ranks):
                ranks[place] = rank(pieces[place] + pieces[place + 1], NEVER)
