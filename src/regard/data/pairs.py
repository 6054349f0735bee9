"""Pairs of texts."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pair:
    """A source text and what it should become."""

    source: str
    target: str
    others: tuple[str, ...] = ()  # further references
    line: int = 0  # where the pair was read, from 1; 0 if it comes from no file
