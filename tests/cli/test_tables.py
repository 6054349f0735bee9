"""Tables on a terminal, narrow or not, and elsewhere."""

import io
import re
import sys
from collections.abc import Callable

import pytest
from rich.table import Table

from regard.cli.tables import facts, show, table

ROWS = [["BLEU", "40.52", "39.10 to 41.90"], ["exact match", "7.00 %", "5.10 to 9.20"]]
CODES = re.compile("\x1b\\[[0-9;]*m")
HEADERS = ["metric", "score", "95 % interval"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def on_terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Return a function that shows passages on a terminal of 30 columns and returns what arrives there."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "30")
    monkeypatch.delenv("NO_COLOR", raising=False)

    def shown(*passages: str | Table) -> str:
        terminal = Terminal()
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", terminal)
            show(passages)
        return terminal.getvalue()

    return shown


def test_no_terminal_no_codes_no_wrapping_and_nothing_at_the_end_of_lines(capsys: pytest.CaptureFixture[str]) -> None:
    show(["all of it", table(HEADERS, ROWS), facts([("source", "so long " * 50), ("x", "y")])])
    assert capsys.readouterr().out.split("\n") == [
        "all of it",
        "",
        "metric         score    95 % interval",
        "BLEU           40.52   39.10 to 41.90",
        "exact match   7.00 %     5.10 to 9.20",
        "",
        f"source  {('so long ' * 50).rstrip()}",
        "x       y",
        "",
    ]


def test_a_narrow_terminal_shows_all_of_it(on_terminal: Callable[..., str]) -> None:
    shown = on_terminal(table(HEADERS, ROWS), facts([("text", "so long " * 20)]))
    assert CODES.search(shown)
    plain = CODES.sub("", shown)
    assert max(map(len, plain.splitlines())) <= 30
    assert "…" not in plain
    assert all(word in plain for row in [HEADERS, *ROWS] for cell in row for word in cell.split())
    assert plain.count("so") == plain.count("long") == 20


def test_what_a_terminal_would_obey_is_not_shown(on_terminal: Callable[..., str]) -> None:
    plain = CODES.sub("", on_terminal(facts([("output", "a\x1b[31mb\x07c\nd [bold]e[/bold] :smile:")])))
    assert " ".join(plain.split()) == "output a [31mb c d [bold]e[/bold] :smile:"


def test_no_color_is_obeyed(on_terminal: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    codes = CODES.findall(on_terminal(table(HEADERS, ROWS), facts([("name", "text")])))
    assert not [code for code in codes if re.search("[349][0-7]", code)]


def test_no_stdout_is_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    show(["text"])
