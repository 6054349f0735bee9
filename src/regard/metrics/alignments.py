"""Word alignments: how they are written, and how far they are from those that people made.

An alignment is a set of links (source word, target word), counted from 0. Gold has sure links, which must be there,
and possible ones, which may be.

Source  Och & Ney 2003, section 6 (alignment error rate); the written form is that of the Pharaoh decoder (Koehn 2004)
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from regard.errors import DataError

Links = frozenset[tuple[int, int]]

LINK = re.compile(r"(\d+)([-p?])(\d+)")


@dataclass(frozen=True, slots=True)
class Gold:
    """The alignment of a pair as it should be."""

    sure: Links
    possible: Links  # the sure ones among them


def parse_gold(line: str, where: str = "alignment") -> Gold:
    """Return the alignment of a line such as "0-0 1-2 2p2", in which "p" (or "?") stands for a possible link.

    Raises DataError if it is not written so.
    """
    found: dict[str, set[tuple[int, int]]] = {"-": set(), "p": set()}
    for word in line.split():
        link = LINK.fullmatch(word)
        if not link:
            hint = "such as 0-0 1-2 2p2: source word, target word, from 0"
            raise DataError(f"{word!r} is no link", where=where, hint=hint)
        found["-" if link[2] == "-" else "p"].add((int(link[1]), int(link[3])))
    return Gold(frozenset(found["-"]), frozenset(found["-"] | found["p"]))


def written(gold: Gold) -> str:
    """Return the line that `parse_gold` reads."""
    return " ".join(f"{i}{'-' if (i, j) in gold.sure else 'p'}{j}" for i, j in sorted(gold.possible))


def pharaoh(links: Iterable[tuple[int, int]]) -> str:
    """Return links as a line, in order: "0-0 1-2"."""
    return " ".join(f"{i}-{j}" for i, j in sorted(links))


def error_sums(found: Links, gold: Gold) -> tuple[int, int, int, int]:
    """Return what a pair adds to the error rate: links found that are sure, that are possible, all found, all sure."""
    return len(found & gold.sure), len(found & gold.possible), len(found), len(gold.sure)


def error_rate(sums: Float[np.ndarray, "*rows 4"]) -> Float[np.ndarray, "*rows"]:
    """Return the alignment error rate, 0 to 1, of sums over pairs; 1 where there is neither a link nor gold."""
    right = sums[..., 0] + sums[..., 1]
    total = sums[..., 2] + sums[..., 3]
    return np.where(total > 0, 1 - right / np.maximum(total, 1), 1.0)


def alignment_error_rate(found: Sequence[Links], gold: Sequence[Gold]) -> float:
    """Return the alignment error rate of all pairs together: 0 if only possible links are there, and all sure ones."""
    pairs = zip(found, gold, strict=True)
    return float(error_rate(np.array([error_sums(*pair) for pair in pairs], np.float64).sum(axis=0)))
