"""Which word stands for which: a small statistical word aligner.

Every target token is made by one source token of its pair or by none (NULL). How likely a source token is to make it
depends on the two tokens, after a table learnt by expectation maximisation, and on how far they are from the diagonal.

Source  Dyer et al. 2013, a simple reparameterisation of IBM model 2, with the constants of their fast_align
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TENSION = 4.0
"""How fast a source token loses weight with its distance from the diagonal."""

NULL_SHARE = 0.08
"""Probability that a target token is made by no source token."""

SPARSITY = 0.01
"""Parameter of the Dirichlet prior on the rows of the table: below 1, a token makes few different tokens."""

UNSEEN = 1e-9
"""Probability that a token makes another with which it was never paired."""

TokenPair = tuple[Sequence[str], Sequence[str]]
"""The tokens of a source and of its target."""


@dataclass(frozen=True, slots=True)
class _Cells:
    """A cell for each target token and each source token of its pair, NULL first; the target tokens in order."""

    key: NDArray[np.int64]  # which two tokens meet in the cell
    prior: NDArray[np.float64]  # probability of the source position, whatever the tokens; sums to 1 over a column
    column: NDArray[np.int64]  # the cell's target token, counted through all pairs
    first: NDArray[np.int64]  # of each column: its first cell


class Aligner:
    """A table of how likely each source token makes each target token; made by `learn`."""

    def __init__(
        self,
        sources: dict[str, int],
        targets: dict[str, int],
        keys: NDArray[np.int64],
        probabilities: NDArray[np.float64],
    ) -> None:
        self._sources, self._targets = sources, targets
        # a last key that no two tokens have, so that looking up always ends at one
        self._keys, self._probabilities = np.append(keys, np.iinfo(np.int64).max), np.append(probabilities, UNSEEN)

    @classmethod
    def learn(cls, pairs: Sequence[TokenPair], iterations: int = 4) -> "Aligner":
        """Learn from pairs; takes some 60 bytes of memory for each source token times each target token of a pair."""
        sources, targets = _numbered(source for source, _ in pairs), _numbered(target for _, target in pairs)
        cells = cls(sources, targets, np.empty(0, np.int64), np.empty(0))._cells(pairs)
        keys, entry = np.unique(cells.key, return_inverse=True)
        maker = keys // (len(targets) + 1)
        table = np.ones(len(keys))
        for _ in range(iterations):
            joint = cells.prior * table[entry]
            posterior = joint / np.add.reduceat(joint, cells.first)[cells.column]
            counts = np.bincount(entry, posterior, len(keys)).astype(np.float64) + SPARSITY
            totals = np.bincount(maker, counts).astype(np.float64)
            table = np.maximum(np.exp(_digamma(counts) - _digamma(totals[maker])), UNSEEN)
        return cls(sources, targets, keys, table)

    def likely(self, most: int) -> dict[str, list[str]]:
        """Return the target tokens that each source token makes, the likeliest first and at most so many."""
        maker, made = np.divmod(self._keys[:-1], len(self._targets) + 1)
        order = np.lexsort((-self._probabilities[:-1], maker))
        sources, targets = list(self._sources), list(self._targets)
        found: dict[str, list[str]] = {}
        for i in order[maker[order] > 0]:
            tokens = found.setdefault(sources[maker[i] - 1], [])
            if len(tokens) < most:
                tokens.append(targets[made[i] - 1])
        return found

    def score(self, source: Sequence[str], target: Sequence[str]) -> float:
        """Return the mean log-probability of the target's tokens, in nats per token; 0 if it has none."""
        return float(self.scores([(source, target)])[0])

    def scores(self, pairs: Sequence[TokenPair]) -> NDArray[np.float64]:
        """Return the `score` of each pair, many at once."""
        lengths = np.array([len(target) for _, target in pairs], np.int64)
        cells = self._cells(pairs)
        logs = np.log(np.add.reduceat(cells.prior * self._look_up(cells), cells.first))
        sums = np.bincount(np.repeat(np.arange(len(pairs)), lengths), logs, len(pairs))
        return sums / np.maximum(lengths, 1)

    def align(self, source: Sequence[str], target: Sequence[str]) -> list[tuple[int, int]]:
        """Return links (source position, target position), counted from 0, in order; at most one per target token."""
        cells = self._cells([(source, target)])
        chances = (cells.prior * self._look_up(cells)).reshape(len(target), len(source) + 1)
        return sorted((int(i) - 1, j) for j, i in enumerate(chances.argmax(axis=1)) if i > 0)

    def _look_up(self, cells: _Cells) -> NDArray[np.float64]:
        place = np.searchsorted(self._keys, cells.key)
        return np.where(self._keys[place] == cells.key, self._probabilities[place], UNSEEN)

    def _cells(self, pairs: Sequence[TokenPair]) -> _Cells:
        ids = [i for source, _ in pairs for i in (0, *(self._sources.get(token, -1) for token in source))]
        source_ids = np.array(ids, np.int64)
        target_ids = np.array([self._targets.get(token, 0) for _, target in pairs for token in target], np.int64)
        n = np.array([len(source) for source, _ in pairs], np.int64)
        m = np.array([len(target) for _, target in pairs], np.int64)
        pair = np.repeat(np.arange(len(pairs)), m)  # of each column, as all that follows up to `column`
        j = np.arange(1, len(pair) + 1) - _first(m)[pair]
        cells = n[pair] + 1
        first = _first(cells)
        null_token = _first(n + 1)[pair]
        column = np.repeat(np.arange(len(pair)), cells)
        i = np.arange(len(column)) - first[column]
        prior = np.exp(-TENSION * np.abs(i / np.maximum(n, 1)[pair][column] - (j / m[pair])[column]))
        prior[first] = 0.0
        totals = np.add.reduceat(prior, first)
        prior *= ((1 - NULL_SHARE) / np.where(totals > 0, totals, 1.0))[column]
        prior[first] = NULL_SHARE
        key = source_ids[null_token[column] + i] * (len(self._targets) + 1) + target_ids[column]
        return _Cells(key, prior, column, first)


def _numbered(texts: Iterable[Sequence[str]]) -> dict[str, int]:
    """Return a number for each token, from 1; 0 is NULL among the sources and the unseen token among the targets."""
    return {token: i for i, token in enumerate(dict.fromkeys(t for text in texts for t in text), start=1)}


def _first(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return where each of several rows of these lengths begins when they are laid end to end."""
    return np.cumsum(lengths) - lengths


def _digamma(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the derivative of log Γ at positive x: by ψ(x) = ψ(x + 1) - 1/x to where its series is exact enough."""
    steps = 6
    below = np.sum([1 / (x + k) for k in range(steps)], axis=0)
    y = x + steps
    square = 1 / (y * y)
    return np.log(y) - 0.5 / y - square * (1 / 12 - square * (1 / 120 - square / 252)) - below
