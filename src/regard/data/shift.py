"""Where two sides stop matching line for line, because one of them lost a line or has one too many.

Evenly spread target lines, the voters, are scored by a word aligner against the source line of the same number and the
lines beside it. Each votes for the offset at which it scores best. One line often votes wrongly, many in a row do not:
the likeliest offsets come from a hidden Markov model, which finds out by itself how far to trust a vote.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from regard.text.aligner import Aligner

VOTERS = 10_000
"""Target lines that vote, at most."""

CELLS_LEARNT, CELLS_SCORED = 2_000_000, 8_000_000
"""Source tokens times target tokens that the aligner learns from and scores, about: some seconds of work."""

LONGEST = 60
"""Tokens of a line that are looked at."""

SWITCH = 12.0
"""Price of a change of offset, in nats: some ten voters in a row must agree on it."""

SURE = 5.0
"""Nats by which a place must beat the end of the file as the place where sides of unequal length part."""

Split = Callable[[str], list[str]]


@dataclass(frozen=True, slots=True)
class Shift:
    """From target line `line` on, counted from 1, target line i belongs to source line i - offset."""

    line: int
    offset: int
    lines: int  # target lines off their place in the whole file, about


def find_shift(sources: Sequence[str], targets: Sequence[str]) -> Shift | None:
    """Return the first place from which the sides match at another offset than 0, or None.

    Finds single lines lost or added, also where sides have unequal lengths. A shift over few lines stays hidden: some
    twenty must vote for it, and of a large file every nth line votes.
    """
    if not sources or not targets:
        return None
    sides = _Sides(sources, targets)
    path = _likeliest_offsets(sides.votes(), sides.home, sides.end)
    moved = np.flatnonzero(path != sides.home)
    if not len(moved):
        return None
    first, offset = int(moved[0]), int(path[moved[0]])
    before, after = sides.voters[max(first - 10, 0)], sides.voters[min(first + 3, len(path) - 1)]
    line = sides.border(np.arange(before, after + 1), offset)
    return Shift(line + 1, sides.offsets[offset], round(len(moved) / len(path) * len(targets)))


class _Sides:
    """Two sides, what they may be shifted by, and an aligner that has learnt from all of these offsets alike."""

    def __init__(self, sources: Sequence[str], targets: Sequence[str]) -> None:
        self.sources, self.targets = sources, targets
        surplus = len(targets) - len(sources)
        self.offsets = sorted({-1, 0, 1, surplus})
        self.home = self.offsets.index(0)
        self.end = self.offsets.index(surplus)
        self.split_source = _splitter(sources[i] for i in _spread(len(sources), 1000))
        self.split_target = _splitter(targets[j] for j in _spread(len(targets), 1000))
        some = self._pairs(_spread(len(targets), 200))
        cells = sum(1 + len(source) * len(target) for source, target in some) / len(some) * len(self.offsets)
        self.voters = _spread(len(targets), min(VOTERS, int(CELLS_SCORED / cells) + 200))
        learnt = self.voters[_spread(len(self.voters), int(CELLS_LEARNT / cells) + 200)]
        self.aligner = Aligner.learn(self._pairs(learnt), iterations=3)

    def votes(self) -> NDArray[np.float64]:
        """Return, offset by line, how each voter divides its one vote among the offsets that suit it best."""
        chunks = np.array_split(self.voters, len(self.voters) // 500 + 1)  # to need little memory at a time
        scores = np.concatenate([self._scores(lines) for lines in chunks], axis=1)
        best = scores >= scores.max(axis=0) - 1e-9
        return best / best.sum(axis=0)

    def border(self, lines: NDArray[np.int64], offset: int) -> int:
        """Return the line, among neighbouring ones, from which another offset is likelier than 0 for all the rest."""
        scores = self._scores(lines) * [len(self.split_target(self.targets[j])) for j in lines]
        better = np.clip(scores[offset] - scores[self.home], -8.0, 8.0)  # nats; no one line decides alone
        return int(lines[np.cumsum(better[::-1])[::-1].argmax()])

    def _scores(self, lines: NDArray[np.int64]) -> NDArray[np.float64]:
        scores = self.aligner.scores(self._pairs(lines)).reshape(len(self.offsets), len(lines))
        inside = [[0 <= j - offset < len(self.sources) for j in lines] for offset in self.offsets]
        return np.where(inside, scores, -100.0)  # nats per token: worse than any line that exists

    def _pairs(self, lines: NDArray[np.int64]) -> list[tuple[list[str], list[str]]]:
        def source(i: int) -> list[str]:
            return self.split_source(self.sources[i]) if 0 <= i < len(self.sources) else []

        targets = [self.split_target(self.targets[j]) for j in lines]
        return [
            (source(j - offset), target)
            for offset in self.offsets
            for j, target in zip(lines.tolist(), targets, strict=True)
        ]


def _spread(total: int, at_most: int) -> NDArray[np.int64]:
    """Return line numbers from 0, evenly spread over the file."""
    return np.unique(np.linspace(0, total - 1, min(total, at_most)).astype(np.int64))


def _splitter(texts: Iterable[str]) -> Split:
    """Return how to cut texts like these: into words, or into characters if the words are few or are not spaced."""

    def words(text: str) -> list[str]:
        return re.findall(r"\w+|[^\w\s]", text[: 20 * LONGEST].lower())[:LONGEST]

    counts = [(len(words(text)), len(text)) for text in texts]
    total, characters = (sum(column) for column in zip(*counts, strict=True))
    if total >= 3 * len(counts) and characters <= 10 * total:
        return words
    return lambda text: list(text[:LONGEST])


def _likeliest_offsets(votes: NDArray[np.float64], home: int, end: int) -> NDArray[np.int64]:
    """Return the offset of each line, as an index, in the likeliest path through all of them.

    The path begins at `home`, or pays. Where it must come to another end, the one change that this takes is free, but
    then the path has to be better than one that never leaves home by SURE nats.
    """
    offsets = len(votes)
    trust = min(max(votes.mean(axis=1).max(), 1.1 / offsets), 0.95)
    for _ in range(4):  # a path, how far it agrees with the votes, a better path
        logs = np.log(np.where(np.eye(offsets, dtype=bool), trust, (1 - trust) / (offsets - 1))) @ votes
        path, gain = _viterbi(logs, home, end)
        trust = min(max(float(votes[path, np.arange(len(path))].mean()), 1.1 / offsets), 0.95)
    return path if end == home or gain >= SURE else np.full_like(path, home)


def _viterbi(logs: NDArray[np.float64], home: int, end: int) -> tuple[NDArray[np.int64], float]:
    """Return the best path and how many nats it is better than staying at home."""
    offsets, lines = logs.shape
    stay = np.arange(offsets)
    best = logs[:, 0] - SWITCH * (stay != home)
    came_from = np.zeros((lines, offsets), np.int64)
    for line in range(1, lines):
        other = int(best.argmax())
        came_from[line] = np.where(best >= best[other] - SWITCH, stay, other)
        best = np.maximum(best, best[other] - SWITCH) + logs[:, line]
    if end != home:
        best[end] += SWITCH
    path = [int(best.argmax())]
    for line in range(lines - 1, 0, -1):
        path.append(int(came_from[line, path[-1]]))
    return np.array(path[::-1]), float(best.max() - logs[home].sum())
