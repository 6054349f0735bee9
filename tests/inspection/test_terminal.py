import numpy as np
import pytest
from rich.cells import cell_len

from regard.inspection.maps import WHAT_IT_IS_NOT, AttentionMap
from regard.inspection.terminal import STEPS, Colours, colours_of, draw

HOUSE = AttentionMap(
    title="A title",
    rows=("casa", "</s>"),
    columns=("house", "home", "</s>"),
    weights=np.array([[0.71, 0.12, 0.17], [0.0, 0.04, 0.96]]),
)


def test_a_map_in_letters() -> None:
    assert draw(HOUSE) == "\n".join(
        [
            "A title.",
            WHAT_IT_IS_NOT,
            "",
            "     h",
            "     o h <",
            "     u o /",
            "     s m s",
            "     e e >",
            "casa ##....",
            "</s>     @@",
            "",
            "     0   ..::--==++**##%%@@@@ 1",
        ]
    )


def test_a_map_too_wide_for_the_terminal_becomes_a_list() -> None:
    assert draw(HOUSE, width=10).splitlines()[3:] == ["casa <- house .71 </s> .17 home .12", "</s> <- </s> .96"]
    assert "<-" not in draw(HOUSE, width=11)


@pytest.mark.parametrize(("colours", "begin"), [("true", "\x1b[48;2;"), ("256", "\x1b[48;5;")])
def test_colours_say_the_same_and_end_where_they_began(colours: Colours, begin: str) -> None:
    text = draw(HOUSE, colours=colours)
    assert text.count(begin) == text.count("\x1b[0m") == 2 * 3 + 11
    assert all(line.endswith(("\x1b[0m", " 1")) or "\x1b" not in line for line in text.splitlines())


def test_a_higher_weight_is_lighter() -> None:
    line = draw(HOUSE, colours="256").splitlines()[8]
    assert line.count(f"48;5;{STEPS[7]}m") == 1
    assert line.count(f"48;5;{STEPS[1]}m") == 2


def test_tokens_cannot_command_the_terminal() -> None:
    found = AttentionMap("A title", ("\x1b[2J",), ("a\rb", "</s>"), np.array([[0.5, 0.5]]))
    assert "\x1b" not in draw(found)
    assert "\r" not in draw(found, width=1)


def test_wide_characters_and_marks_keep_their_columns() -> None:
    found = AttentionMap("A title", ("犬", "नी"), ("東京", "é\u0301", "x"), np.full((2, 3), 1 / 3))
    *heading, first, second = draw(found).splitlines()[3:7]
    assert heading == ["   東", "   京é\u0301 x"]
    assert {cell_len(line) for line in (first, second)} == {9}


def test_a_long_token_is_cut() -> None:
    found = AttentionMap("A title", ("a" * 40,), ("b" * 40,), np.ones((1, 1)))
    assert "a" * 15 + "…" in draw(found)
    assert "a" * 16 not in draw(found)


@pytest.mark.parametrize(
    ("environment", "colours"),
    [
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, "true"),
        ({"TERM": "xterm-256color"}, "256"),
        ({"TERM": "vt100"}, "none"),
        ({"TERM": "dumb", "COLORTERM": "truecolor"}, "none"),
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor", "NO_COLOR": "1"}, "none"),
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor", "NO_COLOR": ""}, "true"),
    ],
)
def test_what_a_terminal_can_show(environment: dict[str, str], colours: Colours) -> None:
    assert colours_of(environment, terminal=True) == colours


def test_a_pipe_gets_plain_text() -> None:
    assert colours_of({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, terminal=False) == "none"
