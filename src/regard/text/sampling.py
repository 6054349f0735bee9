"""Splits of a word drawn at random, so that a model meets words in many forms: subword regularisation.

What is drawn is a function of the given random numbers alone, on every machine. (The samplers of the sentencepiece
library are not used: the same seed gives other splits in another process.)
"""

import math
from bisect import bisect
from collections.abc import Callable, Mapping
from functools import lru_cache
from itertools import pairwise
from typing import Protocol

RandomNumbers = Callable[[], float]
"""Gives a number from 0 to 1, never 1 itself, with every call."""

WORDS_KEPT = 2**16
"""Words whose possible splits stay in memory, about 1 kB each."""

NEVER = math.inf
"""Rank of what is no merge."""


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

    def _make_lattice(self, word: str) -> tuple[tuple[tuple[str, ...], tuple[float, ...]], ...]:
        """Return for every place in the word the pieces that may end there and the bounds between their chances."""
        lattice: list[tuple[tuple[str, ...], tuple[float, ...]]] = [((), ())]
        totals = [1.0]  # of the weights of all splits of the word up to a place
        for end in range(1, len(word) + 1):
            pieces, sums, total = [], [], 0.0
            for start in range(max(0, end - self._longest), end):
                if found := self._pieces.get(word[start:end]):
                    piece, weight = found
                    total += totals[start] * weight
                    pieces.append(piece)
                    sums.append(total)
            if not pieces:
                pieces, sums, total = [word[end - 1]], [], totals[end - 1]
            lattice.append((tuple(pieces), tuple([part / total for part in sums[:-1]])))
            totals.append(total)
        return tuple(lattice)


class MergeSampler:
    """Merges pairs in the learnt order, but at every step misses out each possible merge with the chance `sampling`.

    Source  Provilkov et al. 2020, algorithm 1 (BPE-dropout)
    """

    def __init__(self, scores: Mapping[str, float], sampling: float) -> None:
        self._ranks = {piece: -score for piece, score in scores.items()}
        self._chance = sampling
        self._log_kept = math.log1p(-sampling) if sampling < 1 else -math.inf
        self._path = lru_cache(WORDS_KEPT)(self._make_path)

    def draw(self, word: str, random: RandomNumbers) -> list[str]:
        path = self._path(word)
        undisturbed = int(math.log1p(-random()) / self._log_kept)  # merges before the first that is missed out
        if undisturbed >= len(path) - 1:
            return list(path[-1])
        return self._merge_on(list(path[undisturbed]), random)

    def _make_path(self, word: str) -> tuple[tuple[str, ...], ...]:
        """Return the word after no merge, one merge and so on, if none is missed out."""
        path, pieces = [tuple(word)], list(word)
        while (best := min(ranks := self._ranked(pieces), default=NEVER)) < NEVER:
            _merge(pieces, ranks.index(best))
            path.append(tuple(pieces))
        return tuple(path)

    def _merge_on(self, pieces: list[str], random: RandomNumbers) -> list[str]:
        """Miss out the first possible merge and go on to the end, as the random numbers have it."""
        missed = True
        while True:
            ranks = self._ranked(pieces)
            while (best := min(ranks, default=NEVER)) < NEVER and (missed or random() < self._chance):
                ranks[ranks.index(best)], missed = NEVER, False
            if best == NEVER:
                return pieces
            _merge(pieces, ranks.index(best))

    def _ranked(self, pieces: list[str]) -> list[float]:
        """Return when the merge of each pair of neighbours was learnt."""
        rank = self._ranks.get
        return [rank(left + right, NEVER) for left, right in pairwise(pieces)]


def _merge(pieces: list[str], place: int) -> None:
    pieces[place : place + 2] = [pieces[place] + pieces[place + 1]]
