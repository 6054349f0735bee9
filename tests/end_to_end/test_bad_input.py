"""What users get wrong: each time one line with where, what and what to do, exit code 2, and nothing left behind."""

import gzip
import io
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from regard.cli.main import main
from tests.tiny_model import save_tiny_model

GOOD = "a b c\tx y z\n" * 30 + "".join(f"a {i} c\tx {i} z\n" for i in range(60))
Case = tuple[str, Callable[[], list[str]], str]


def write(name: str, content: str | bytes) -> str:
    """Write a file into the current folder."""
    Path(name).write_bytes(content.encode() if isinstance(content, str) else content)
    return name


def pairs(content: str | bytes, name: str = "p.tsv", *more: str) -> list[str]:
    """Return the command that trains on a file of this content."""
    return ["train", write(name, content), "--out", "run", *more]


def two(sources: str | bytes, targets: str | bytes) -> list[str]:
    """Return the command that trains on two files."""
    return ["train", "--source", write("a", sources), "--target", write("b", targets), "--out", "run"]


def setting(text: str) -> list[str]:
    """Return a training with one setting."""
    return pairs(GOOD, "p.tsv", "--set", text)


def config(text: str | bytes) -> list[str]:
    """Return a training with a config file."""
    return pairs(GOOD, "p.tsv", "--config", write("c.toml", text))


def model(harm: Callable[[Path], object], *command: str) -> list[str]:
    """Return a command on a model folder that was harmed."""
    save_tiny_model(Path("model"))
    harm(Path("model"))
    return [*(command or ("translate",)), "model", *(() if command else (write("in", "abc\n"),))]


def flip(path: Path) -> None:
    """Change one byte in the middle of a file."""
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)


def edit(path: Path, old: str, new: str) -> None:
    """Change a text file."""
    path.write_text(path.read_text().replace(old, new))


CASES: list[Case] = [
    ("missing file", lambda: ["train", "nowhere.tsv", "--out", "run"], r"nowhere\.tsv: no such file"),
    ("name of bytes", lambda: ["train", "\udcff.tsv", "--out", "run"], r"\\udcff\.tsv: is not valid UTF-8"),
    ("directory", lambda: ["train", ".", "--out", "run"], r"folder"),
    ("binary", lambda: pairs(b"\x7fELF\x00\x01\x02" * 50), r"p\.tsv:1: .*(NUL|binary)"),
    ("NUL", lambda: pairs("a\tb\nc\x00\td\n"), r"p\.tsv:2: .*NUL"),
    ("UTF-16", lambda: pairs("a\tb\n".encode("utf-16")), r"p\.tsv.*UTF-16.*iconv"),
    ("Latin-1", lambda: pairs("a\tb\nä\tü\n".encode("latin-1")), r"p\.tsv:2: .*UTF-8"),
    ("empty file", lambda: pairs(""), r"p\.tsv: .*empty"),
    ("one column", lambda: pairs("abc\n"), r"p\.tsv:1: .*column"),
    ("three columns", lambda: pairs("a\tb\tc\n"), r"p\.tsv:1: .*3 columns.*--columns"),
    ("three columns later", lambda: pairs("a\tb\n" * 5 + "a\tb\tc\n"), r"p\.tsv:6: .*3 columns"),
    ("one pair", lambda: pairs("a\tb\n"), r"one pair.*--valid"),
    ("one source", lambda: pairs("a\tb\n" * 9), r"same source.*--valid"),
    ("blank lines alone", lambda: pairs("\t\n \t \n"), r"nothing|no pair|hold out"),
    ("long line", lambda: pairs("a" * 1_100_000 + "\tb\n"), r"p\.tsv:1: .*1 MB|p\.tsv:1: .*long"),
    ("cut gzip", lambda: pairs(gzip.compress(GOOD.encode())[:60], "p.tsv.gz"), r"p\.tsv\.gz.*(cut|gzip)"),
    ("no gzip", lambda: pairs(GOOD, "p.tsv.gz"), r"p\.tsv\.gz.*gzip"),
    ("column 0", lambda: pairs(GOOD, "p.tsv", "--columns", "0,1"), r"columns.*from 1"),
    ("column 9", lambda: pairs(GOOD, "p.tsv", "--columns", "1,9"), r"p\.tsv:1: .*column"),
    ("columns are words", lambda: pairs(GOOD, "p.tsv", "--columns", "a,b"), r"--columns: expected two numbers"),
    ("JSON syntax", lambda: pairs('{"source": "a", "target": \n', "p.jsonl"), r"p\.jsonl:1: .*JSON"),
    ("JSON field", lambda: pairs('{"source": "a", "traget": "b"}\n', "p.jsonl"), r"p\.jsonl:1: .*target"),
    ("JSON type", lambda: pairs('{"source": "a", "target": 3}\n', "p.jsonl"), r"p\.jsonl:1: .*number"),
    ("JSON list", lambda: pairs('["a", "b"]\n', "p.jsonl"), r"p\.jsonl:1: .*(object|list)"),
    ("JSON no references", lambda: pairs('{"source": "a", "target": []}\n', "p.jsonl"), r"p\.jsonl:1: .*target"),
    ("one field", lambda: pairs('{"a": "a"}\n', "p.jsonl", "--fields", "a"), r"fields: .*two names"),
    ("unequal lines", lambda: two("a\nb\nc\n", "x\ny\n"), r"3 .*2 lines|2 .*3 lines|lines"),
    ("one side alone", lambda: ["train", "--source", write("a", "x\n"), "--out", "run"], r"target: missing"),
    ("file and sides", lambda: [*two("a\n", "b\n"), write("p", GOOD)], r"too many files"),
    ("no pairs", lambda: ["train", "--out", "run"], r"no pairs"),
    ("unknown option", lambda: [*pairs(GOOD), "--stpes", "3"], r"--stpes: unknown option .*--steps"),
    ("option type", lambda: [*pairs(GOOD), "--steps", "many"], r"--steps.*many"),
    ("no steps", lambda: [*pairs(GOOD), "--steps", "0"], r"training\.steps: 0 is below 1"),
    ("unknown command", lambda: ["trian", "x"], r"trian.*train"),
    ("unknown preset", lambda: [*pairs(GOOD), "--preset", "tinny"], r"--preset: unknown preset 'tinny'.*'tiny'"),
    ("typo in a key", lambda: setting("model.haeds=2"), r"model\.haeds: unknown setting .*'heads'"),
    ("typo in a table", lambda: setting("modle.heads=2"), r"modle: unknown setting .*'model'"),
    ("text for a number", lambda: setting("training.steps=ten"), r"training\.steps: expected a whole number"),
    ("number for a text", lambda: setting("training.best_by=3"), r"training\.best_by: expected a text"),
    (
        "heads do not divide",
        lambda: setting("model={kind='transformer', heads=7}"),
        r"model\.heads: 7 heads do not divide",
    ),
    ("dropout above 1", lambda: setting("model={kind='transformer', dropout=1.5}"), r"model\.dropout: 1\.5"),
    ("unknown kind", lambda: setting("model.kind=trafo"), r"model\.kind: unknown model 'trafo'"),
    ("unknown metric", lambda: setting("task.metrics=['blue']"), r"task\.metrics\[0\]: unknown metric 'blue'.*'bleu'"),
    (
        "best by what is not scored",
        lambda: [*setting("training.best_by=ter"), "--preset", "tiny"],
        r"training\.best_by: 'ter' is not among",
    ),
    ("average and ema", lambda: setting("training={average=3, ema=0.9}"), r"training\.average: .*exclude"),
    ("three-way, not shared", lambda: setting("text.shared=false"), r"model\.embeddings: .*one vocabulary"),
    (
        "no number",
        lambda: setting("training.optimizer={kind='adam', rate=nan}"),
        r"optimizer\.rate: nan is not above 0",
    ),
    ("decay below 0", lambda: setting("training.optimizer={kind='adamw', decay=-1.0}"), r"decay: -1\.0 is below 0"),
    ("seed too large", lambda: setting("training.seed=99999999999999999999"), r"training\.seed: 9+ is not within 0"),
    ("number for a table", lambda: setting("training=5"), r"training: expected a table, got 5"),
    ("list for a kind", lambda: setting("model.kind=[1]"), r"model\.kind: unknown model"),
    ("number for a task", lambda: ["train", "--set", "task=5", "--out", "run"], r"task: expected a table"),
    (
        "no such device",
        lambda: [*pairs(GOOD), "--preset", "letters", "--quiet", "--device", "gpu"],
        r"device 'gpu': cannot be used",
    ),
    (
        "all too long",
        lambda: [*setting("text.longest_source=1"), "--preset", "letters", "--quiet"],
        r"text: all \d+ training pairs are over-long",
    ),
    (
        "valid without pairs",
        lambda: ["train", "--valid", "v", "--set", "task=copy"],
        r"--valid: has no meaning without",
    ),
    ("valid target alone", lambda: [*pairs(GOOD), "--valid-target", "v"], r"--valid-target: has no meaning"),
    ("odd digits", lambda: pairs(GOOD, "p.tsv", "--columns", "²,3"), r"--columns: expected two numbers"),
    ("no value", lambda: setting("model.d_model"), r"--set: expected path=value"),
    ("broken TOML", lambda: config("[model\n"), r"c\.toml: is not TOML.*line 1"),
    ("TOML of bytes", lambda: config(b"\xff\xfe"), r"c\.toml: is not TOML"),
    ("missing config", lambda: pairs(GOOD, "p.tsv", "--config", "no.toml"), r"no\.toml: cannot be read"),
    ("TOML table for a value", lambda: config("[training.steps]\na = 1\n"), r"training\.steps: expected a whole"),
    ("missing valid", lambda: [*pairs(GOOD), "--valid", "v.tsv"], r"v\.tsv: no such file"),
    ("empty valid", lambda: [*pairs(GOOD), "--valid", write("v.tsv", "")], r"v\.tsv: .*empty"),
    ("valid is train", lambda: [*pairs(GOOD), "--valid", "p.tsv"], r"no pair is left to learn from"),
    ("resume nothing", lambda: ["train", "--resume", "--out", "nothing"], r"nothing: does not exist"),
    ("resume what", lambda: ["train", "--resume"], r"--resume: which run\?"),
    ("resume no run", lambda: ["train", "--resume", "--out", "."], r"\.: is no run folder"),
    ("no model there", lambda: ["translate", "nowhere", write("in", "a\n")], r"nowhere: does not exist"),
    ("no model in it", lambda: ["translate", ".", write("in", "a\n")], r"\.: is no run and no model folder"),
    ("weights damaged", lambda: model(lambda m: flip(m / "model.safetensors")), r"model\.safetensors: is damaged"),
    ("weights missing", lambda: model(lambda m: (m / "model.safetensors").unlink()), r"safetensors: is missing"),
    ("manifest damaged", lambda: model(lambda m: (m / "manifest.json").write_text("{")), r"manifest\.json: .*JSON"),
    ("manifest of another format", lambda: model(lambda m: edit(m / "manifest.json", "1,", "99,")), r"format 99"),
    ("config damaged", lambda: model(lambda m: edit(m / "config.toml", "d_model", "d_mdel")), r"config\.toml: is dam"),
    ("file to translate missing", lambda: [*model(lambda m: m, "translate", "--beams", "2"), "no.txt"], r"no\.txt"),
    ("beams", lambda: [*model(lambda m: m, "translate", "--beams", "0"), write("in", "a\n")], r"beams: 0"),
    ("score what", lambda: model(lambda m: m, "score"), r"PAIRS: no pairs"),
    ("info on nothing", lambda: ["info", "nowhere"], r"nowhere: does not exist"),
    ("evaluate on nothing", lambda: ["evaluate", "nowhere", write("p.tsv", GOOD)], r"nowhere: does not exist"),
    ("quickstart in no languages", lambda: ["quickstart", "--pair", "en", "--out", "run"], r"--pair: expected two"),
    ("quickstart in an unknown one", lambda: ["quickstart", "--pair", "en-xx", "--out", "run"], r"xx"),
]


@pytest.mark.parametrize(("make", "words"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_one_line_says_where_what_and_what_to_do(
    make: Callable[[], list[str]],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    code = main(make())
    said = capsys.readouterr().err.strip()
    assert code == 2, said
    assert len(said.splitlines()) == 1, said
    assert re.search(words, said), said
    assert re.search(r"\(.+\)$", said), f"does not say what to do: {said}"
    assert not Path("run").exists()
    assert "Traceback" not in said


def test_there_are_at_least_sixty_cases() -> None:
    assert len({name for name, *_ in CASES}) >= 60


def test_a_folder_that_cannot_be_written_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write("file", "in the way")
    assert main([*pairs(GOOD)[:2], "--out", "file/run"]) == 2
    assert "cannot be written" in capsys.readouterr().err
