import gzip
import json
import random
from pathlib import Path

import pytest

from regard.data.pairs import Pair, PairFiles, fits_tsv, read_pairs, write_pairs
from regard.errors import ConfigError, DataError

WORDS = {"ein": "one", "zwei": "two", "drei": "three", "Haus": "house", "Hund": "dog", "rot": "red", "alt": "old"}


def pairs_in(
    folder: Path, name: str, text: str, columns: tuple[int, ...] = (), fields: tuple[str, ...] = ()
) -> list[Pair]:
    (folder / name).write_text(text, encoding="utf-8", newline="")
    return read_pairs(PairFiles(str(folder / name), columns=columns, fields=fields))


def two_files(folder: Path, sources: list[str], targets: list[str]) -> PairFiles:
    (folder / "a").write_text("".join(f"{line}\n" for line in sources), encoding="utf-8")
    (folder / "b").write_text("".join(f"{line}\n" for line in targets), encoding="utf-8")
    return PairFiles(source=str(folder / "a"), target=str(folder / "b"))


def test_tsv(tmp_path: Path) -> None:
    assert pairs_in(tmp_path, "a.tsv", "\ufeffein\tone\r\n zwei \t\n\tthree") == [
        Pair("ein", "one", line=1),
        Pair(" zwei ", "", line=2),
        Pair("", "three", line=3),
    ]


def test_blank_lines_are_pairs_that_count(tmp_path: Path) -> None:
    assert pairs_in(tmp_path, "a.tsv", "\na\tb\n \t\n  \n") == [
        Pair("", "", line=1),
        Pair("a", "b", line=2),
        Pair(" ", "", line=3),
        Pair("", "", line=4),
    ]
    assert pairs_in(tmp_path, "a.jsonl", '\n{"source": "", "target": "b"}\n') == [
        Pair("", "", line=1),
        Pair("", "b", line=2),
    ]


@pytest.mark.parametrize(("columns", "pair"), [((2, 3), ("b", "c")), ((3, 1), ("c", "a")), ((2, 2), ("b", "b"))])
def test_columns(columns: tuple[int, int], pair: tuple[str, str], tmp_path: Path) -> None:
    assert pairs_in(tmp_path, "a.tsv", "a\tb\tc\td\n", columns=columns) == [Pair(*pair, line=1)]


def test_json_lines(tmp_path: Path) -> None:
    lines = [
        {"source": "one\ttext\nof \u2028 two lines", "target": "x", "id": 7},
        {"source": "s", "target": ["first", "second", "third"]},
        {"source": "s", "target": ["only"]},
        {"source": "s", "target": ["", "some", " "]},
        {"source": "s", "target": ["", " "]},
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    assert pairs_in(tmp_path, "a.jsonl", text) == [
        Pair("one\ttext\nof \u2028 two lines", "x", line=1),
        Pair("s", "first", ("second", "third"), line=2),
        Pair("s", "only", line=3),
        Pair("s", "some", line=4),
        Pair("s", "", line=5),
    ]


@pytest.mark.parametrize("name", ["a.jsonl", "a.ndjson", "a.json", "a.whatever"])
def test_fields(name: str, tmp_path: Path) -> None:
    text = '{"body": "long", "subject": "short"}'
    assert pairs_in(tmp_path, name, text, fields=("body", "subject")) == [Pair("long", "short", line=1)]


def test_two_files_one_of_them_packed(tmp_path: Path) -> None:
    files = two_files(tmp_path, ["ein", "", "drei"], [])
    (tmp_path / "b.gz").write_bytes(gzip.compress(b"one\ntwo\nthree"))
    pairs = read_pairs(PairFiles(source=files.source, target=str(tmp_path / "b.gz")))
    assert pairs == [Pair("ein", "one", line=1), Pair("", "two", line=2), Pair("drei", "three", line=3)]


JSON, COLUMNS = "a.jsonl", (2, 3)
BAD_PAIRS = [  # file, its text, columns, fields; where from the name on, words of the problem, words of the hint
    ("a.tsv", "", (), (), "", "is empty", "in every line"),
    (JSON, "", (), (), "", "is empty", "in every line"),
    ("a.tsv", "a\tb\nc\n", (), (), ":2", "1 column where 2 are needed", "a source, a tab, a target"),
    ("a.tsv", "1\ta\tb\n", (), (), ":1", "3 columns where 2 are needed", "--columns 2,3"),
    ("a.tsv", "1\ta\tb\n2\ta\n", COLUMNS, (), ":2", "2 columns where column 3 is asked for", "one tab each"),
    ("a.csv", "a,b\n", (), (), ":1", "1 column where 2 are needed", "--source and --target"),
    ("a.txt", '{"source": "a"}\n', (), (), ":1", "1 column where 2 are needed", "ends in .jsonl"),
    (
        JSON,
        '{"source": "a", "target": "b"}\n{"source": "a"\n',
        (),
        (),
        ":2",
        "is not JSON at character 15",
        "one object",
    ),
    (JSON, "a\tb\n", (), (), ":1", "is not JSON at character 1: Expecting value", "one object"),
    ("a.json", '[\n{"source": "a"}\n]', (), (), ":1", "is not JSON", "each line holds one object"),
    (JSON, '["a", "b"]\n', (), (), ":1", "a list where an object is needed", "source"),
    (JSON, "7\n", (), (), ":1", "a number where an object is needed", "source"),
    (JSON, '{"body": "a", "x": 1}\n', (), (), ":1", "no field 'source'", "it has body, x; choose two with --fields"),
    (JSON, "{}\n", (), (), ":1", "no field 'source'", "it has none"),
    (JSON, '{"body": "a"}\n', (), ("body", "subject"), ":1", "no field 'subject'", "it has body"),
    (JSON, '{"source": 3, "target": "b"}\n', (), (), ":1", "'source' is a number where a text is needed", "quotes"),
    (JSON, '{"source": ["a"], "target": "b"}\n', (), (), ":1", "'source' is a list", "quotes"),
    (JSON, '{"source": "a", "target": null}\n', (), (), ":1", "'target' holds null", "quotes"),
    (JSON, '{"source": "a", "target": true}\n', (), (), ":1", "'target' holds true or false", "quotes"),
    (JSON, '{"source": "a", "target": {"de": "b"}}\n', (), (), ":1", "'target' holds an object", "quotes"),
    (JSON, '{"source": "a", "target": ["b", 2.5]}\n', (), (), ":1", "'target' holds a number", "several references"),
    (JSON, '{"source": "a", "target": []}\n', (), (), ":1", "'target' is an empty list", "at least one text"),
    (JSON, '{"source": "\\ud800", "target": "b"}\n', (), (), ":1", "half of a surrogate pair", "both halves"),
    (JSON, '{"source": "a", "target": ["b", "\\udc00"]}\n', (), (), ":1", "half of a surrogate pair", "both halves"),
    (JSON, "[" * 100_000 + "\n", (), (), ":1", "is not JSON that can be read", "nested too deep"),
    (JSON, '{"source": ' + "1" * 5000 + "}\n", (), (), ":1", "is not JSON that can be read", "a number is too long"),
]


@pytest.mark.parametrize("case", BAD_PAIRS, ids=lambda case: f"{case[0]}: {case[5]}")
def test_what_is_no_pair_is_refused(
    case: tuple[str, str, tuple[int, ...], tuple[str, ...], str, str, str], tmp_path: Path
) -> None:
    name, text, columns, fields, where, problem, hint = case
    with pytest.raises(DataError) as raised:
        pairs_in(tmp_path, name, text, columns, fields)
    assert raised.value.where == f"{tmp_path}/{name}{where}"
    assert problem in raised.value.problem
    assert hint in raised.value.hint


@pytest.mark.parametrize(
    ("files", "where", "words"),
    [
        ({}, "pairs", "no files"),
        ({"path": "a", "source": "b", "target": "c"}, "pairs", "too many files"),
        ({"source": "a"}, "target", "missing"),
        ({"target": "a"}, "source", "missing"),
        ({"path": "a", "columns": (1,)}, "columns", "two numbers"),
        ({"path": "a", "columns": (0, 1)}, "columns", "two numbers from 1"),
        ({"path": "a", "fields": ("a", "b", "c")}, "fields", "two names"),
        ({"path": "a.jsonl.gz", "columns": (1, 2)}, "columns", "only a TSV"),
        ({"source": "a", "target": "b", "columns": (1, 2)}, "columns", "only a TSV"),
        ({"source": "a", "target": "b", "fields": ("a", "b")}, "fields", "only JSON lines"),
    ],
)
def test_files_that_contradict_one_another(files: dict[str, object], where: str, words: str) -> None:
    with pytest.raises(ConfigError) as raised:
        PairFiles(**files)  # type: ignore[arg-type]
    assert raised.value.where == where
    assert words in str(raised.value)


def phrases(count: int) -> tuple[list[str], list[str]]:
    """Return German phrases and their translations, word for word."""
    numbers = random.Random(1)
    sources = [" ".join(numbers.choices(list(WORDS), k=numbers.randint(4, 8))) for _ in range(count)]
    return sources, [" ".join(WORDS[word] for word in source.split()) for source in sources]


def unequal(folder: Path, sources: list[str], targets: list[str]) -> DataError:
    with pytest.raises(DataError) as raised:
        read_pairs(two_files(folder, sources, targets))
    return raised.value


def line_of(error: DataError) -> int:
    return int(error.where.rpartition(":")[2])


def test_a_lost_target_is_found(tmp_path: Path) -> None:
    sources, targets = phrases(400)
    error = unequal(tmp_path, sources, targets[:250] + targets[251:])
    assert error.where.startswith(f"{tmp_path}/a:")  # the longer side, which has a line without a counterpart
    assert abs(line_of(error) - 251) <= 2
    assert f"400 lines in {tmp_path}/a but 399 in {tmp_path}/b; they stop matching at about line" in error.problem
    assert "compare lines" in error.hint


def test_a_lost_source_is_found(tmp_path: Path) -> None:
    sources, targets = phrases(400)
    error = unequal(tmp_path, sources[:90] + sources[91:], targets)
    assert error.where.startswith(f"{tmp_path}/b:")
    assert abs(line_of(error) - 91) <= 2


def test_a_block_of_lost_lines_is_found(tmp_path: Path) -> None:
    sources, targets = phrases(400)
    assert abs(line_of(unequal(tmp_path, sources, targets[:250] + targets[270:])) - 251) <= 2


@pytest.mark.parametrize(("lost", "side"), [(1, "a"), (-1, "b"), (30, "a")])
def test_lines_lost_at_the_end(lost: int, side: str, tmp_path: Path) -> None:
    sources, targets = phrases(300)
    texts = (sources, targets[:-lost]) if lost > 0 else (sources[:lost], targets)
    error = unequal(tmp_path, *texts)
    assert error.where == f"{tmp_path}/{side}:{300 - abs(lost) + 1}"
    assert "the first without a counterpart is" in error.problem
    assert "missing at the end" in error.hint


def test_unequal_lines_that_tell_nothing(tmp_path: Path) -> None:
    assert unequal(tmp_path, ["a", "b", "c"], ["x", "y"]).where == f"{tmp_path}/a:3"
    error = unequal(tmp_path, ["a"], [])
    assert (error.where, error.problem) == (f"{tmp_path}/b", "is empty")


def test_two_empty_files(tmp_path: Path) -> None:
    assert unequal(tmp_path, [], []).where == f"{tmp_path}/a + {tmp_path}/b"


@pytest.mark.parametrize("name", ["a.tsv", "a.tsv.gz", "a.jsonl", "a.jsonl.gz"])
def test_what_is_written_is_read_back(name: str, tmp_path: Path) -> None:
    numbers, alphabet = random.Random(1), list(' \t\n\räß\u2028\x85"\\\x0b日本\ufeff{[')

    def text() -> str:
        return "".join(numbers.choices(alphabet, k=numbers.randrange(6)))

    pairs = [Pair(text(), text(), line=line) for line in range(1, 300)]
    if "json" in name:
        pairs.append(Pair("a", "b", ("c", "d"), line=300))
    else:
        pairs = [Pair(p.source, p.target, line=line) for line, p in enumerate(filter(fits_tsv, pairs), start=1)]
    assert len(pairs) > 20
    write_pairs(str(tmp_path / name), pairs)
    assert read_pairs(PairFiles(str(tmp_path / name))) == pairs


@pytest.mark.parametrize("pair", [Pair("a\tb", "c"), Pair("a", "b\nc"), Pair("a\r", "b"), Pair("a", "b", ("c",))])
def test_what_a_tsv_cannot_hold(pair: Pair, tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text("as it was", encoding="utf-8")
    with pytest.raises(DataError) as raised:
        write_pairs(str(path), [Pair("x", "y"), pair])
    assert raised.value.where == f"{path}:2"
    assert ".jsonl" in raised.value.hint
    assert path.read_text(encoding="utf-8") == "as it was"


def test_packed_files_do_not_depend_on_the_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, now in (("a.tsv.gz", 0.0), ("b.tsv.gz", 1e9)):
        monkeypatch.setattr("time.time", lambda now=now: now)
        write_pairs(str(tmp_path / name), [Pair("a", "b")])
    assert (tmp_path / "a.tsv.gz").read_bytes() == (tmp_path / "b.tsv.gz").read_bytes()


def test_a_place_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be written"):
        write_pairs(str(tmp_path / "no" / "a.tsv"), [Pair("a", "b")])
