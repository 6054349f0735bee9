"""What was understood of the data: what there was, what was left out and what was used, to the line."""

from collections.abc import Iterable, Iterator, Sequence

from regard.report.markup import Markup, folded, section, table, tag
from regard.report.run_files import RunFiles, Values
from regard.report.words import count, counted, listed

LINES_NAMED = 12
"""Line numbers of those that were left out for one reason, at most."""

HEADS = ("", "Pairs", "Where")

Row = tuple[str, str, str]
"""What became of how many pairs, and which lines they stood on."""


def data_section(run: RunFiles) -> Markup:
    """Return counts that add up, and of what phrases are made that come from no file."""
    training = _table("Training pairs", training_rows(run))
    held_out = _table("Held-out pairs", held_out_rows(run))
    learnt, measured = tag("h3", "To learn from"), tag("h3", "To measure on")
    return section("data", "Data", learnt, training, measured, held_out, _patterns(run))


def _table(caption: str, rows: Iterable[Row]) -> Markup:
    """Return rows as a table, without the last column if it is empty."""
    shown = list(rows)
    columns = 3 if any(where for _, _, where in shown) else 2
    return table(caption, HEADS[:columns], [row[:columns] for row in shown])


def training_rows(run: RunFiles) -> Iterator[Row]:
    """Yield the way from what was read to what was used: what is left out or held out in between makes up for it."""
    data = run.data
    if "read" in data:
        yield "read", count(data["read"]), ""
        yield from _left_out(data["dropped"])
        if not run.file("valid"):
            yield "held out", count(data["valid"]), ""
        yield "to learn from", count(data["train"]), ""
    if fate := _fate(run, "train"):
        total = fate["used"] + len(fate["refused"])
        if total != data.get("train"):
            yield "each reference a pair of its own" if "train" in data else "made", count(total), ""
        yield from _outcome(fate)


def held_out_rows(run: RunFiles) -> Iterator[Row]:
    """Yield what became of the held-out pairs."""
    yield "held out", count(len(run.valid)), ""
    if fate := _fate(run, "valid"):
        yield from _outcome(fate)


def _fate(run: RunFiles, split: str) -> Values:
    """Return which pairs of a split were used, refused and cut; nothing before the tokenizers are learnt."""
    fate: Values = run.data.get("over_long", {}).get(split, {})
    return fate


def _outcome(fate: Values) -> Iterator[Row]:
    yield from _left_out({"too long": fate["refused"]})
    yield "used", count(fate["used"]), ""
    if fate["cut"]:
        yield "of these cut to length", count(len(fate["cut"])), named_lines(fate["cut"])


def _left_out(lines: Values) -> Iterator[Row]:
    for reason, where in lines.items():
        if where:
            yield f"left out, {reason}", count(len(where)), named_lines(where)


def named_lines(lines: Sequence[int]) -> str:
    """Return line numbers, the first of them if they are many."""
    named = [count(line) for line in lines[:LINES_NAMED]]
    more = [f"{count(len(lines) - len(named))} more"] if len(lines) > len(named) else []
    return f"{'line' if len(lines) == 1 else 'lines'} {listed(named + more)}"


def _patterns(run: RunFiles) -> Markup:
    """Return the patterns of made phrases, and why others are not in use."""
    if not run.data.get("patterns"):
        return Markup("")
    names = tag("p", f"Made of {counted(len(run.data['patterns']), 'pattern')}: {', '.join(run.data['patterns'])}.")
    skipped = table("Patterns not in use", ["Not in use", "Why"], run.data["skipped"].items())
    return folded("Patterns", names, skipped if run.data["skipped"] else Markup(""))
