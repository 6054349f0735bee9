"""The words that a mistake on the command line gets, and options that may stand anywhere."""

import pytest

from regard.cli.parser import Parser
from regard.errors import UsageError


@pytest.fixture
def parser() -> Parser:
    parser = Parser("regard probe", "Probe.")
    parser.add_argument("run", metavar="RUN")
    parser.add_argument("file", metavar="FILE", nargs="?", default="-")
    parser.add_argument("-o", "--output")
    parser.add_argument("--beams", type=int, default=4)
    parser.add_argument("--budget", type=float)
    parser.add_argument("--engine", choices=["torch", "onnx"])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--set", action="append", default=[])
    return parser


@pytest.mark.parametrize(
    "line",
    [
        "--beams 2 --json a b",
        "a --beams 2 b --json",
        "a b --json --beams=2",
        "--json --beams 2 -- a b",
    ],
)
def test_options_stand_anywhere(line: str, parser: Parser) -> None:
    values = parser.read(line.split())
    assert (values.run, values.file, values.beams, values.json) == ("a", "b", 2, True)


def test_what_only_looks_like_an_option(parser: Parser) -> None:
    values = parser.read(["a", "-", "--budget", "-1.5", "-oout.txt", "--set", "a.b=--c", "--set=c=-d"])
    assert (values.file, values.budget, values.output, values.set) == ("-", -1.5, "out.txt", ["a.b=--c", "c=-d"])


def test_what_follows_two_dashes_is_no_option(parser: Parser) -> None:
    assert parser.read(["--json", "--", "--odd", "-name"]).file == "-name"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("a --baems 2", "--baems: unknown option (did you mean --beams?)"),
        ("a --beam 2", "--beam: unknown option (did you mean --beams?)"),
        ("--baems=2", "--baems: unknown option (did you mean --beams?)"),
        ("a -beams 2", "-beams: unknown option (did you mean --beams?)"),
        ("a --qwertz", "--qwertz: unknown option (see regard probe --help)"),
        ("a -x", "-x: unknown option (see regard probe --help)"),
        ("a b c", "c: one argument too many (see regard probe --help)"),
        ("--json", "RUN: missing (see regard probe --help)"),
        ("a --beams two", "--beams: expected a whole number, got 'two' (such as 4)"),
        ("a --beams 2.5", "--beams: expected a whole number, got '2.5' (such as 4)"),
        ("a --budget long", "--budget: expected a number, got 'long' (such as 0.5)"),
        ("a --beams", "--beams: expected one argument (see regard probe --help)"),
        ("a -o", "--output: expected one argument (see regard probe --help)"),
        ("a --json=yes", "--json: ignored explicit argument 'yes' (see regard probe --help)"),
        ("a --engine trch", "--engine: unknown value 'trch' (did you mean torch?)"),
        ("a --engine 7", "--engine: unknown value '7' (one of torch, onnx)"),
    ],
)
def test_mistakes_in_words(line: str, words: str, parser: Parser) -> None:
    with pytest.raises(UsageError) as caught:
        parser.read(line.split())
    assert str(caught.value) == words
