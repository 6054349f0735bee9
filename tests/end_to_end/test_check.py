"""`regard check` from the command line to its exit code."""

import gzip
import json
import random
from pathlib import Path

import pytest

from regard.cli.main import main

NUMBERS = {"one": "eins", "two": "zwei", "three": "drei", "four": "vier", "five": "fünf", "six": "sechs"}


@pytest.fixture
def texts() -> list[tuple[str, str]]:
    """Return 300 different pairs with nothing wrong about them."""
    numbers, made = random.Random(1), {}
    while len(made) < 300:
        words = numbers.choices(list(NUMBERS), k=numbers.randint(5, 8))
        made[" ".join(words)] = " ".join(NUMBERS[word] for word in words)
    return list(made.items())


def write(path: Path, texts: list[tuple[str, str]]) -> str:
    path.write_text("".join(f"{source}\t{target}\n" for source, target in texts), encoding="utf-8")
    return str(path)


def test_good_pairs(texts: list[tuple[str, str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path / "a.tsv", texts)
    assert main(["check", path]) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0] == f"{path}: 300 pairs, all kept"
    assert lines[2].split() == ["words", "a", "pair", "longest", "in", "line", "characters"]
    words = sum(len(source.split()) for source, _ in texts)
    assert lines[3].split()[:3] == ["source", f"{words:,}", f"{words / 300:.1f}"]
    assert lines[-3].startswith("note  300 pairs are few; ")
    assert lines[-1] == f"Fit for training. Next: regard train {path}"
    assert not err


def test_trouble_is_told_line_by_line(
    texts: list[tuple[str, str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trouble = [("", "leer"), texts[0], ("one \ufffd", "eins"), ("same", "same")]
    path, valid = write(tmp_path / "a.tsv", texts + trouble), write(tmp_path / "v.tsv", [texts[4], ("new", "neu")])
    assert main(["check", path, "--valid", valid]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"{path}: 304 pairs, 303 kept, 1 left out; 2 to validate on\n")
    for words in (
        "note     1 pair left out: empty source (line 301); ",
        "note     1 pair that occurred before, word for word (line 302); ",
        "note     1 pair with a replacement character, U+FFFD (line 303); ",
        "note     1 pair with the same text on both sides (line 304); ",
        "warning  1 pair with a source that is in the validation set too (line 5); ",
        f"Fit for training, with 1 warning. Next: regard train {path} --valid {valid}",
    ):
        assert sum(line.startswith(words) for line in out.splitlines()) == 1


def test_two_files_off_by_one(texts: list[tuple[str, str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sources, targets = zip(*texts, strict=True)
    (tmp_path / "a").write_text("\n".join(sources) + "\n", encoding="utf-8")
    (tmp_path / "b").write_text("\n".join((*targets[:100], *targets[101:], "neu")) + "\n", encoding="utf-8")
    assert main(["check", "--source", f"{tmp_path}/a", "--target", f"{tmp_path}/b"]) == 2
    out = capsys.readouterr().out
    assert "error  about " in out
    assert "starting here (line 101); a target line seems to be missing: compare lines 98 to 104" in out
    assert out.splitlines()[-1] == "Not fit for training: 1 error. Mend the pairs and check again."


def test_unequal_files_are_one_line_of_error(
    texts: list[tuple[str, str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sources, targets = zip(*texts, strict=True)
    (tmp_path / "a").write_text("\n".join(sources) + "\n", encoding="utf-8")
    (tmp_path / "b").write_text("\n".join(targets[1:]) + "\n", encoding="utf-8")
    assert main(["check", "--source", f"{tmp_path}/a", "--target", f"{tmp_path}/b"]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert err.count("\n") == 1
    assert err.startswith(
        f"regard: {tmp_path}/a:1: 300 lines in {tmp_path}/a but 299 in {tmp_path}/b; they stop matching"
    )


def test_json(texts: list[tuple[str, str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.jsonl.gz"
    lines = [json.dumps({"id": i, "de": target, "en": source}) for i, (source, target) in enumerate(texts)]
    path.write_bytes(gzip.compress("\n".join([*lines, '{"en": "", "de": "x"}', ""]).encode()))
    assert main(["check", str(path), "--fields", "en,de", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["pairs"] == str(path)
    assert (report["read"], report["kept"], report["dropped"]) == (301, 300, {"empty source": [301]})
    assert report["usable"] is True


@pytest.mark.parametrize("name", ["clean.tsv", "clean.jsonl", "clean.tsv.gz"])
def test_what_is_kept_is_written(
    name: str, texts: list[tuple[str, str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "a.tsv", [*texts, ("", "leer"), texts[0], ("same", "same"), ("one", "eins " * 90)])
    clean = str(tmp_path / name)
    options = [f"--drop={what}" for what in ("duplicates", "identical", "uneven")]
    assert main(["check", path, "--write-clean", clean, *options]) == 0
    out = capsys.readouterr().out
    assert f"wrote 300 pairs to {clean}\n" in out
    assert out.endswith(f"Next: regard train {clean}\n")
    assert main(["check", clean, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["read"], report["kept"]) == (300, 300)


def test_the_pairs_are_not_written_over(
    texts: list[tuple[str, str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "a.tsv", texts)
    before = Path(path).read_bytes()
    assert main(["check", path, "--write-clean", f"{tmp_path}/../{tmp_path.name}/a.tsv"]) == 2
    assert "--write-clean: is the file to check" in capsys.readouterr().err
    assert Path(path).read_bytes() == before


def test_a_tsv_that_cannot_hold_what_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, clean = tmp_path / "a.jsonl", tmp_path / "clean.tsv"
    path.write_text('{"source": "a", "target": ["b", "c"]}\n{"source": "d", "target": "e"}\n', encoding="utf-8")
    assert main(["check", str(path), "--write-clean", str(clean)]) == 2
    assert f"{clean}:1: a TSV cannot hold several targets" in capsys.readouterr().err
    assert not clean.exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "PAIRS: no pairs (such as pairs.tsv, or --source a.en --target a.de)"),
        (["nowhere.tsv"], "nowhere.tsv: no such file"),
        (["."], ".: is a folder, not a file"),
        (["a.tsv", "--columns", "two"], "--columns: expected two numbers, got 'two'"),
        (["a.tsv", "--columns", "0,1"], "columns: expected two numbers from 1"),
        (["a.tsv", "--colums", "1,2"], "--colums: unknown option (did you mean --columns?)"),
        (["a.tsv", "--drop", "duplicate"], "--drop: unknown value 'duplicate' (did you mean duplicates?)"),
        (["--source", "a"], "target: missing (two files match line by line: name both)"),
    ],
)
def test_mistakes(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["check", *arguments]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert err.startswith(f"regard: {words}")
    assert err.count("\n") == 1
