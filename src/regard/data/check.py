"""The data report: what pairs hold, what is left out of them, and what may be wrong with them."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from regard.data import characters, findings
from regard.data.clean import CleaningConfig, clean
from regard.data.findings import Finding
from regard.data.pairs import Pair

ORDER = ("error", "warning", "note")


@dataclass(frozen=True, slots=True)
class SideCounts:
    """How much one side holds; words are what stands between spaces."""

    words: int
    characters: int
    longest: int  # words
    longest_line: int

    @classmethod
    def of(cls, texts: Sequence[tuple[int, str]]) -> "SideCounts":
        """Count texts, each with its line."""
        words = [len(text.split()) for _, text in texts]
        longest = max(range(len(words)), key=words.__getitem__, default=-1)
        lines = (words[longest], texts[longest][0]) if texts else (0, 0)
        return cls(sum(words), sum(len(text) for _, text in texts), *lines)


@dataclass(frozen=True, slots=True)
class DataReport:
    """What `check_pairs` found; `kept` and `dropped` add up to the pairs `read`."""

    read: int
    kept: int
    dropped: dict[str, list[int]]  # lines by reason
    source: SideCounts  # of the pairs kept
    target: SideCounts
    valid: int | None  # pairs kept of the validation set, if one was given
    findings: list[Finding]  # worst first

    @property
    def usable(self) -> bool:
        """True if nothing found forbids to train on these pairs."""
        return all(finding.severity != "error" for finding in self.findings)

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain values."""
        return {**asdict(self), "usable": self.usable}


def check_pairs(
    pairs: Sequence[Pair], valid: Sequence[Pair] | None = None, cleaning: CleaningConfig | None = None
) -> DataReport:
    """Look for trouble in pairs, and in how they overlap with a validation set; takes seconds for 30,000 pairs."""
    cleaned = clean(pairs, cleaning)
    held_out = None if valid is None else clean(valid).kept
    found = [*_of_reading(pairs, cleaned.dropped), *_of_learning(cleaned.kept)]
    if valid is not None and held_out is not None:
        found += [*findings.leaks(cleaned.kept, held_out), *_of_validation(valid, held_out)]
    return DataReport(
        read=cleaned.read,
        kept=len(cleaned.kept),
        dropped=cleaned.dropped,
        source=SideCounts.of([(pair.line, pair.source) for pair in cleaned.kept]),
        target=SideCounts.of([(pair.line, pair.target) for pair in cleaned.kept]),
        valid=None if held_out is None else len(held_out),
        findings=sorted(found, key=lambda finding: ORDER.index(finding.severity)),
    )


def _of_reading(pairs: Sequence[Pair], dropped: dict[str, list[int]]) -> Iterator[Finding]:
    """Yield what concerns all pairs, as they stand in the file."""
    yield from findings.left_out(pairs, dropped)
    yield from findings.shifted(pairs)
    yield from characters.odd_characters(pairs)


def _of_learning(kept: Sequence[Pair]) -> Iterator[Finding]:
    """Yield what concerns the pairs that are learnt from."""
    yield from findings.too_few(kept)
    yield from characters.swapped_sides(kept)
    yield from characters.odd_scripts(kept)
    yield from characters.mixed_forms(kept)
    yield from findings.identical_sides(kept)
    yield from findings.uneven(kept)
    yield from findings.repeats(kept)
    yield from findings.long_texts(kept)


def _of_validation(valid: Sequence[Pair], kept: Sequence[Pair]) -> Iterator[Finding]:
    """Yield what concerns the validation set alone."""
    empty = len(valid) - len(kept)
    if not kept:
        advice = "name other pairs with --valid"
        yield Finding("valid-empty", "error", empty, "the validation set has no pair with both sides", (), advice)
    elif empty:
        message = f"{empty:,} validation pair{'s' * (empty > 1)} with an empty side"
        yield Finding("valid-empty", "warning", empty, message, (), "they cannot be scored and are left out")
