"""What commands show to people: as wide as their terminal, plain and as wide as need be where there is none."""

import re
import sys
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table

WIDE = 10_000
"""Columns of what is no terminal: nothing is wrapped there."""


def show(passages: Iterable[str | Table]) -> None:
    """Print texts and tables on stdout, with a blank line between them; colours obey NO_COLOR."""
    is_terminal = sys.stdout is not None and sys.stdout.isatty()
    console = Console(width=None if is_terminal else WIDE, markup=False, emoji=False, highlight=False)
    with console.capture() as captured:
        for number, passage in enumerate(passages):
            if number:
                console.print()
            console.print(passage, soft_wrap=isinstance(passage, str))
    text = captured.get()
    print(text if is_terminal else re.sub(" +$", "", text, flags=re.MULTILINE), end="")


def table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """Return rows under headers; names on the left, numbers on the right."""
    grid = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="bold")
    for i, header in enumerate(headers):
        grid.add_column(header, justify="right" if i else "left", overflow="fold")
    for row in rows:
        grid.add_row(*map(printable, row))
    return grid


def facts(rows: Iterable[tuple[str, str]]) -> Table:
    """Return names, each with what belongs to it."""
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, text in rows:
        grid.add_row(name, printable(text))
    return grid


def printable(text: str) -> str:
    """Return the text in one line, without characters that a terminal would obey."""
    return "".join(c if c.isprintable() else " " for c in text)
