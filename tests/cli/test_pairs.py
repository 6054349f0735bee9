import pytest

from regard.cli.pairs import add_pair_arguments, add_valid_arguments, pair_files, valid_files
from regard.cli.parser import Parser
from regard.data.pairs import PairFiles
from regard.errors import ConfigError, UsageError


def read(*arguments: str, required: bool = True) -> tuple[PairFiles | None, PairFiles | None]:
    """Return where the pairs and the held-out pairs stand."""
    parser = Parser("regard probe", "Probe.")
    add_pair_arguments(parser, required=required)
    add_valid_arguments(parser)
    args = parser.read(arguments)
    return pair_files(args), valid_files(args)


@pytest.mark.parametrize(
    ("arguments", "files"),
    [
        ("a.tsv", PairFiles("a.tsv")),
        ("a.tsv --columns 2,3", PairFiles("a.tsv", columns=(2, 3))),
        ("--fields body,subject a.jsonl", PairFiles("a.jsonl", fields=("body", "subject"))),
        ("--source a --target b", PairFiles(source="a", target="b")),
    ],
)
def test_where_pairs_stand(arguments: str, files: PairFiles) -> None:
    assert read(*arguments.split()) == (files, None)


def test_held_out_pairs_have_the_form_of_the_others() -> None:
    assert read("a.tsv", "--columns", "3,1", "--valid", "v.tsv")[1] == PairFiles("v.tsv", columns=(3, 1))
    two_files = ["--source", "a", "--target", "b", "--valid", "v", "--valid-target", "w"]
    assert read(*two_files)[1] == PairFiles(source="v", target="w")


def test_pairs_may_be_left_out_where_they_are_not_required() -> None:
    assert read(required=False) == (None, None)
    with pytest.raises(UsageError, match="no pairs"):
        read()


@pytest.mark.parametrize("columns", ["a,b", "1;2", "1,", "-1,2", "1.5,2"])
def test_columns_are_numbers(columns: str) -> None:
    with pytest.raises(UsageError, match="--columns: expected two numbers"):
        read("a.tsv", f"--columns={columns}")


@pytest.mark.parametrize(
    "arguments", ["a.tsv --source b --target c", "--source b", "a.tsv --fields a", "a.tsv --columns 1,2,3"]
)
def test_options_that_contradict_one_another(arguments: str) -> None:
    with pytest.raises(ConfigError):
        read(*arguments.split())
