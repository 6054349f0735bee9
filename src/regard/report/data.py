"""What was understood of the data: what there was, what was left out and what was used, to the line."""

from collections.abc import Iterator, Sequence

from regard.report.markup import Markup, folded, section, table, tag
from regard.report.run_files import RunFiles, Values
from regard.report.words import count, counted, listed

LINES_NAMED = 12
"""Line numbers of those that were left out for one reason, at most."""

SPLITS = {"train": "training", "valid": "held-out"}


def data_section(run: RunFiles) -> Markup:
    """Return counts that add up, and what else the task said of its pairs."""
    said = (tag("p", line) for line in run.data.get("lines", ()))
    counts = table("Pairs", ["", "Training", "Held out"], data_rows(run))
    return section("data", "Data", *said, counts, *_over_long(run), _patterns(run))


def data_rows(run: RunFiles) -> Iterator[Sequence[str]]:
    """Yield what became of the pairs of both splits: those left out and those used are all that there were.

    A pair with several references counts once for each in training.
    """
    fates = [_fate(run, split) for split in SPLITS]
    refused, used, cut = ([fate[key] for fate in fates] for key in ("refused", "used", "cut"))
    yield "Pairs", *(count(a + b) for a, b in zip(refused, used, strict=True))
    yield "left out as too long", *map(count, refused)
    yield "used", *map(count, used)
    if any(cut):
        yield "of these cut to length", *map(count, cut)


def _fate(run: RunFiles, split: str) -> dict[str, int]:
    """Return how many pairs of a split were used, refused and cut."""
    fate: Values = run.data.get("over_long", {}).get(split, {"used": 0, "refused": (), "cut": ()})
    return {"used": fate["used"], "refused": len(fate["refused"]), "cut": len(fate["cut"])}


def _over_long(run: RunFiles) -> Iterator[Markup]:
    """Yield which lines were left out or cut."""
    for split, name in SPLITS.items():
        for fate, words in (("refused", "left out as too long"), ("cut", "cut to length")):
            lines = run.data.get("over_long", {}).get(split, {}).get(fate, ())
            if lines:
                yield tag("p", f"{counted(len(lines), f'{name} pair')} {words}: {named_lines(lines)}.")


def named_lines(lines: Sequence[int]) -> str:
    """Return line numbers, the first of them if they are many."""
    named = [count(line) for line in lines[:LINES_NAMED]]
    more = [f"{count(len(lines) - len(named))} more"] if len(lines) > len(named) else []
    return f"{'line' if len(lines) == 1 else 'lines'} {listed(named + more)}"


def _patterns(run: RunFiles) -> Markup:
    """Return which patterns made phrases are of, and why others are not in use."""
    if not run.data.get("patterns"):
        return Markup("")
    names = tag("p", f"Made of {counted(len(run.data['patterns']), 'pattern')}: {', '.join(run.data['patterns'])}.")
    skipped = table("Patterns not in use", ["Pattern", "Why not"], run.data.get("skipped", {}).items())
    return folded("Patterns", names, skipped if run.data.get("skipped") else Markup(""))
