"""What may be wrong with pairs: one small function for each kind of trouble, yielding what it found."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from regard.data.clean import drop_leaks, source_key, uneven_lengths
from regard.data.pairs import Pair
from regard.data.shift import find_shift

Severity = Literal["error", "warning", "note"]

LINES_KEPT, LINES_SHOWN = 20, 5
"""Line numbers that a finding keeps, and those that it names in words; it always counts all."""

LONG_TEXT = 2000  # characters
FEW_PAIRS = 1000
UNEVEN = 4.0  # factor between the ratio of two lengths and the usual ratio
WORTH_A_WARNING, TOO_MUCH = 0.01, 0.05  # shares of the pairs


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to know about pairs: "error" if they should not be used so, "warning" if one should look, or "note"."""

    code: str
    severity: Severity
    count: int
    message: str  # in plain words, with the count
    lines: tuple[int, ...]  # the first of them
    advice: str

    def __str__(self) -> str:
        if not self.lines:
            return f"{self.message}; {self.advice}"
        shown = ", ".join(map(str, self.lines[:LINES_SHOWN]))
        more = f" and {self.count - LINES_SHOWN:,} more" if len(self.lines) > LINES_SHOWN else ""
        return f"{self.message} (line{'s' * (len(self.lines) > 1)} {shown}{more}); {self.advice}"


def found(
    code: str, lines: Sequence[int], pairs: Sequence[Pair], message: str, advice: str, *, harmless: bool = False
) -> Iterator[Finding]:
    """Yield the finding if there are any lines, as a warning if they are many.

    In the message `{n}` stands for how many and `{s}` for the ending of the plural.
    """
    if lines:
        severity: Severity = "note" if harmless or len(lines) < WORTH_A_WARNING * len(pairs) else "warning"
        message = message.format(n=f"{len(lines):,}", s="s" * (len(lines) > 1))
        yield Finding(code, severity, len(lines), message, tuple(lines[:LINES_KEPT]), advice)


def left_out(pairs: Sequence[Pair], dropped: dict[str, list[int]]) -> Iterator[Finding]:
    """Yield what cleaning leaves out, by reason."""
    for reason, lines in dropped.items():
        advice = "cannot be learnt from" if "empty" in reason else "as asked for"
        yield from found(reason.replace(" ", "-"), lines, pairs, f"{{n}} pair{{s}} left out: {reason}", advice)


def identical_sides(pairs: Sequence[Pair]) -> Iterator[Finding]:
    """Yield pairs whose target is their source."""
    lines = [pair.line for pair in pairs if pair.source == pair.target]
    advice = "from texts left untranslated a model learns to copy; --drop identical leaves them out"
    yield from found("identical", lines, pairs, "{n} pair{s} with the same text on both sides", advice)


def repeats(pairs: Sequence[Pair]) -> Iterator[Finding]:
    """Yield pairs that occurred before, and sources that have several targets."""
    targets: dict[str, set[str]] = defaultdict(set)  # of each source
    again, several = [], []
    for pair in pairs:
        known = targets[pair.source]
        if pair.target in known:
            again.append(pair.line)
        elif len(known) == 1:
            several.append(pair.line)
        known.add(pair.target)
    message, advice = (
        "{n} pair{s} that occurred before, word for word",
        "they count each time; --drop duplicates keeps the first",
    )
    yield from found("duplicates", again, pairs, message, advice, harmless=True)
    message, advice = "{n} source{s} with several targets", "right for pronunciations and summaries; else look at some"
    yield from found("several-targets", several, pairs, message, advice, harmless=True)


def leaks(pairs: Sequence[Pair], valid: Iterable[Pair]) -> Iterator[Finding]:
    """Yield pairs whose source is in the validation set too."""
    dropped = drop_leaks(pairs, valid)
    lines = tuple(line for of_reason in dropped.dropped.values() for line in of_reason)
    if lines and not dropped.kept:
        message, advice = "every source is in the validation set too", "name other pairs with --valid, or none"
        yield Finding("leaks", "error", len(lines), message, lines[:LINES_KEPT], advice)
    elif lines:
        message = f"{len(lines):,} pair{'s' * (len(lines) > 1)} with a source that is in the validation set too"
        advice = "training leaves them out, so that scores mean something"
        yield Finding("leaks", "warning", len(lines), message, lines[:LINES_KEPT], advice)


def uneven(pairs: Sequence[Pair]) -> Iterator[Finding]:
    """Yield pairs one side of which is far too long for the other, if most pairs have about the same ratio."""
    places = sorted(uneven_lengths(pairs, UNEVEN))
    if len(places) < TOO_MUCH * len(pairs):
        message = f"{{n}} pair{{s}} with lengths whose ratio is off the usual one by more than {UNEVEN:g} times"
        advice = "cut, run together, or not a translation? --drop uneven leaves them out"
        yield from found("uneven", [pairs[place].line for place in places], pairs, message, advice)


def shifted(pairs: Sequence[Pair]) -> Iterator[Finding]:
    """Yield a stretch of pairs whose targets belong to the source before or after."""
    shift = find_shift([pair.source for pair in pairs], [pair.target for pair in pairs])
    if shift is None:
        return
    line = pairs[shift.line - 1].line
    side = "target" if shift.offset < 0 else "source"
    message = f"about {shift.lines:,} pairs whose sides are off by one line, starting here"
    advice = f"a {side} line seems to be missing: compare lines {max(1, line - 3)} to {line + 3}"
    severity: Severity = "error" if shift.lines >= TOO_MUCH * len(pairs) else "warning"
    yield Finding("shift", severity, shift.lines, message, (line,), advice)


def long_texts(pairs: Sequence[Pair]) -> Iterator[Finding]:
    """Yield pairs with a very long side."""
    lines = [pair.line for pair in pairs if max(len(pair.source), len(pair.target)) > LONG_TEXT]
    advice = "they take much time and may be over the limit of the model; training counts what it cuts or leaves out"
    yield from found(
        "long", lines, pairs, f"{{n}} pair{{s}} with a side over {LONG_TEXT:,} characters", advice, harmless=True
    )


def too_few(pairs: Sequence[Pair]) -> Iterator[Finding]:
    """Yield that there is too little to learn from."""
    if len({source_key(pair.source) for pair in pairs}) < 2:
        message = "no pairs are left" if not pairs else "there is but one source"
        advice = "training needs at least two pairs with different sources"
        yield Finding("too-few", "error", len(pairs), message, (), advice)
    elif len(pairs) < FEW_PAIRS:
        message = f"{len(pairs):,} pairs are few"
        advice = "enough for a first try; a model that generalises wants thousands at least"
        yield Finding("few", "note", len(pairs), message, (), advice)
