"""Which pairs are learnt from: what is left out, by reason and line, and what is held out to measure on.

Nothing is changed in a text, and nothing disappears: the lines left out and the pairs kept add up to the pairs read.
"""

import hashlib
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from regard.data.pairs import Pair
from regard.errors import ConfigError, DataError

HELD_OUT_LEAST, HELD_OUT_MOST = 20, 2000
"""Bounds of how many pairs are held out."""

VISIBLE = re.compile(r"[^\s\u200b\u200c\u200d\u2060\ufeff]")
"""Any character but white space and those of no width."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CleaningConfig:
    """What to leave out besides pairs with an empty side, which cannot be learnt from."""

    drop_duplicates: bool = False  # keep the first of pairs that are the same
    drop_identical: bool = False  # pairs whose sides are the same
    max_ratio: float = 0.0  # of the sides' lengths to each other, as a factor from the usual ratio; 0 = any

    def __post_init__(self) -> None:
        """Refuse a factor that would drop everything."""
        if self.max_ratio and self.max_ratio <= 1:
            raise ConfigError(f"{self.max_ratio} is not above 1", where="max_ratio", hint="such as 4.0; 0 turns it off")


@dataclass(frozen=True, slots=True)
class Cleaned:
    """The pairs kept, and the lines of those left out by reason."""

    kept: list[Pair]
    dropped: dict[str, list[int]]

    @property
    def read(self) -> int:
        """How many pairs there were."""
        return len(self.kept) + sum(map(len, self.dropped.values()))


def clean(pairs: Sequence[Pair], config: CleaningConfig | None = None) -> Cleaned:
    """Leave out what cannot, and what should not, be learnt from; every pair once, for the first reason that holds."""
    config = config or CleaningConfig()
    uneven = uneven_lengths(pairs, config.max_ratio) if config.max_ratio else set()
    seen: set[tuple[str, str]] = set()
    kept, dropped = [], defaultdict(list)
    for place, pair in enumerate(pairs):
        both = pair.source, pair.target
        if reason := _empty(pair):
            dropped[reason].append(pair.line)
        elif config.drop_identical and pair.source == pair.target:
            dropped["identical sides"].append(pair.line)
        elif place in uneven:
            dropped["uneven lengths"].append(pair.line)
        elif config.drop_duplicates and both in seen:
            dropped["duplicate"].append(pair.line)
        else:
            seen.add(both)
            kept.append(pair)
    return Cleaned(kept, dict(dropped))


def _empty(pair: Pair) -> str:
    sides = [name for name, text in (("source", pair.source), ("target", pair.target)) if is_empty(text)]
    return "both sides empty" if len(sides) == 2 else f"empty {sides[0]}" if sides else ""


def is_empty(text: str) -> bool:
    """Tell whether nothing can be seen of a text."""
    return VISIBLE.search(text) is None


def uneven_lengths(pairs: Sequence[Pair], factor: float) -> set[int]:
    """Return the places of pairs whose ratio of lengths in characters is off the usual one by more than a factor.

    The usual ratio is the median. Short texts differ by chance, so ten characters are added to each side.
    """
    logs = [math.log((len(pair.target) + 10) / (len(pair.source) + 10)) for pair in pairs]
    usual, limit = median(logs) if logs else 0.0, math.log(factor)
    return {place for place, log in enumerate(logs) if abs(log - usual) > limit}


def drop_leaks(pairs: Iterable[Pair], valid: Iterable[Pair]) -> Cleaned:
    """Leave out the pairs whose source is among those of `valid`: learning from them would make scores worthless."""
    known = {source_key(pair.source) for pair in valid}
    kept, leaks = [], []
    for pair in pairs:
        if source_key(pair.source) in known:
            leaks.append(pair.line)
        else:
            kept.append(pair)
    return Cleaned(kept, {"source is held out": leaks} if leaks else {})


def source_key(source: str) -> str:
    """Return what two sources have in common that differ in white space alone."""
    return " ".join(source.split())


def hold_out(pairs: Sequence[Pair], share: float = 0.05) -> tuple[list[Pair], list[Pair]]:
    """Return pairs to learn from and pairs to measure on, with no source in both; each in the order given.

    Which ones is a matter of the sources alone, by their SHA-256, not of their order. Held out are about `share`
    of the pairs, at least 20 and at most 2,000, but never more than a quarter.
    Raises DataError if there are not two different sources.
    """
    groups = Counter(source_key(pair.source) for pair in pairs)
    if len(groups) < 2:
        problem = "one pair" if len(pairs) == 1 else "no pairs" if not pairs else "all pairs have the same source"
        hint = "a part is held out to measure on: add more pairs, or name them with --valid"
        raise DataError(f"{problem}: nothing to hold out", where="pairs", hint=hint)
    wanted = min(max(round(share * len(pairs)), HELD_OUT_LEAST), HELD_OUT_MOST, max(len(pairs) // 4, 1))
    order = sorted(groups, key=lambda source: hashlib.sha256(source.encode("utf-8", "surrogatepass")).digest())
    chosen, held = set(), 0
    for source in order:
        if held + groups[source] <= wanted:
            chosen.add(source)
            held += groups[source]
    chosen = chosen or {min(order, key=lambda source: groups[source])}
    sides: tuple[list[Pair], list[Pair]] = [], []
    for pair in pairs:
        sides[source_key(pair.source) in chosen].append(pair)
    return sides
