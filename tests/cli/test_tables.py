"""Tables on a terminal, narrow or not, and elsewhere."""

import io
import re
import sys

import pytest

from regard.cli.tables import facts, show, table

ROWS = [["BLEU", "40.52", "39.10 to 41.90"], ["exact match", "7.00 %", "5.10 to 9.20"]]
HEADERS = ["metric", "score", "95 % interval"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A terminal of 30 columns."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "30")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(sys, "stdout", Terminal())
    assert isinstance(sys.stdout, Terminal)
    return sys.stdout


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


def test_a_narrow_terminal_shows_all_of_it(terminal: Terminal) -> None:
    show([table(HEADERS, ROWS), facts([("source", "so long " * 20)])])
    plain = re.sub("\x1b\\[[0-9;]*m", "", terminal.getvalue())
    assert max(map(len, plain.splitlines())) <= 30
    words = [word for row in [HEADERS, *ROWS] for cell in row for word in cell.split()]
    assert all(word in plain for word in words)
    assert plain.count("so") == plain.count("long") == 20


def test_what_a_terminal_would_obey_is_not_shown(terminal: Terminal) -> None:
    show([facts([("output", "a\x1b[31mb\x07c\nd [bold]e[/bold] :smile:")])])
    assert "a [31mb c d" in re.sub("\\s+", " ", terminal.getvalue())
    assert "[bold]e[/bold]" in terminal.getvalue()
    assert ":smile:" in terminal.getvalue()


def test_no_color_is_obeyed(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    show([table(HEADERS, ROWS), facts([("name", "text")])])
    assert not re.search("\x1b\\[[0-9;]*[34][0-7]", terminal.getvalue())


def test_no_stdout_is_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    show(["text"])
