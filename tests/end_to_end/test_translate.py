"""regard translate and regard score, from the outside."""

import gzip
import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from regard.cli.main import main
from tests.tiny_model import save_tiny_model
from tests.tolerances import SAME_MATH

LINES = ["abc", "", "hello world. again", "a" * 17, "mnop", "   ", "zz"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A model that reads at most 16 characters."""
    return str(save_tiny_model(tmp_path_factory.mktemp("run") / "best", longest=16).path.parent)


@pytest.fixture
def lines(tmp_path: Path) -> str:
    (tmp_path / "lines.txt").write_text("\n".join(LINES) + "\n", encoding="utf-8")
    return str(tmp_path / "lines.txt")


@pytest.fixture
def regard(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, list[str], list[str]]]:
    """Run a command in this process; return its exit code and the lines of stdout and stderr."""

    def run(*arguments: str) -> tuple[int, list[str], list[str]]:
        code = main(arguments)
        out, err = capsys.readouterr()
        assert not out or out.endswith("\n")
        return code, out.split("\n")[:-1], err.splitlines()

    return run


Regard = Callable[..., tuple[int, list[str], list[str]]]


def test_one_line_in_one_line_out(regard: Regard, model: str, lines: str) -> None:
    code, out, err = regard("translate", model, lines)
    assert code == 0
    assert len(out) == len(LINES)
    assert [bool(line) for line in out] == [bool(line.strip()) for line in LINES]
    assert err == ["note: 2 lines translated in parts, being too long: 3, 4"]


def test_every_line_alone_gives_the_same(regard: Regard, model: str, lines: str) -> None:
    _, together, _ = regard("translate", model, lines)
    assert regard("translate", model, lines, "--window", "1")[1] == together


def test_only_line_feeds_end_lines(regard: Regard, model: str, tmp_path: Path) -> None:
    plain, odd = tmp_path / "plain", tmp_path / "odd.gz"
    plain.write_bytes(b"abc\nmno\nzz\n")
    odd.write_bytes(gzip.compress(b"\xef\xbb\xbfabc\r\nmno\r\nzz"))
    assert regard("translate", model, str(odd))[1] == regard("translate", model, str(plain))[1]
    plain.write_text("ab\u2028cd\x0bef\x85gh\n", encoding="utf-8")
    assert len(regard("translate", model, str(plain))[1]) == 1


def test_json_tells_all_of_every_line(regard: Regard, model: str, lines: str) -> None:
    _, plain, _ = regard("translate", model, lines, "--beams", "3")
    _, out, _ = regard("translate", model, lines, "--beams", "3", "--n-best", "2", "--json")
    answers = [json.loads(line) for line in out]
    assert [answer["line"] for answer in answers] == [1, 2, 3, 4, 5, 6, 7]
    assert [answer["status"] for answer in answers] == ["ok", "empty", "split", "split", "ok", "empty", "ok"]
    assert [answer["text"] for answer in answers] == plain
    for answer in answers:
        keys = ["line", "status", "text", "score", "log_prob", "ended", "tokens", "token_log_probs", "alternatives"]
        assert list(answer) == keys
        if answer["status"] == "empty":
            assert (answer["score"], answer["tokens"], answer["alternatives"]) == (None, [], [])
        else:
            assert answer["log_prob"] == pytest.approx(sum(answer["token_log_probs"]))
            assert " ".join(answer["tokens"]) == answer["text"]
            assert [list(other) for other in answer["alternatives"]] == [keys[2:-1]]


def test_n_best_prints_ranks_and_scores(regard: Regard, model: str, lines: str) -> None:
    _, out, _ = regard("translate", model, lines, "--n-best", "2")
    rows = [line.split("\t") for line in out]
    expected = [[str(i), str(k)] for i, line in enumerate(LINES, start=1) for k in ((1, 2) if line.strip() else (1,))]
    assert [row[:2] for row in rows] == expected
    assert [row[2:] for row in rows if not LINES[int(row[0]) - 1].strip()] == [["nan", ""]] * 2
    for best, second in pairwise(rows):
        if second[:2] in (["1", "2"], ["5", "2"], ["7", "2"]):
            assert float(best[2]) >= float(second[2])
            assert best[3] != second[3]


@pytest.mark.parametrize(
    ("fate", "status", "note"),
    [("cut", "cut", "cut, being too long: 3, 4"), ("refuse", "refused", "left out, being too long: 3, 4")],
)
def test_over_long_lines(regard: Regard, model: str, lines: str, fate: str, status: str, note: str) -> None:
    _, out, err = regard("translate", model, lines, "--over-long", fate, "--json")
    assert [json.loads(line)["status"] for line in out][2:4] == [status] * 2
    assert err == [f"note: 2 lines {note}"]


def test_what_is_unfinished_is_told_with_the_first_few_lines(regard: Regard, model: str, tmp_path: Path) -> None:
    (tmp_path / "many").write_text("abc\n" * 7)
    code, out, err = regard("translate", model, str(tmp_path / "many"), "--max-length", "4")
    assert (code, len(out)) == (0, 7)
    assert err == ["note: 7 lines whose translation was cut off by the length limit: 1, 2, 3, 4, 5 ..."]


def test_samples_follow_the_seed(regard: Regard, model: str, lines: str) -> None:
    sample = ("translate", model, lines, "--sample", "--temperature", "2", "--top-k", "9", "--max-length", "12")
    _, first, _ = regard(*sample, "--seed", "7")
    assert regard(*sample, "--seed", "7")[1] == first
    assert regard(*sample, "--seed", "7", "--window", "2")[1] == first
    assert regard(*sample, "--seed", "8")[1] != first


def test_a_prefix_starts_every_translation(regard: Regard, model: str, lines: str) -> None:
    _, out, _ = regard("translate", model, lines, "--prefix", "AA K")
    assert [line.startswith("AA K") for line in out] == [bool(line.strip()) for line in LINES]


def test_a_model_with_itself_as_an_ensemble(regard: Regard, model: str, lines: str) -> None:
    _, alone, _ = regard("translate", model, lines)
    assert regard("translate", model, lines, "--ensemble", model, model)[1] == alone


def test_line_ends_in_a_translation_become_spaces(
    regard: Regard, model: str, lines: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("regard.text.tokenizer.Spaced.join", lambda self, tokens: "\r\n".join(tokens) + "\n\r")
    _, out, _ = regard("translate", model, lines)
    assert len(out) == len(LINES)
    assert not any("\r" in line for line in out)


def test_an_output_file_is_whole_or_not_there(regard: Regard, model: str, lines: str, tmp_path: Path) -> None:
    _, expected, _ = regard("translate", model, lines)
    output = tmp_path / "output.txt"
    assert regard("translate", model, lines, "--output", str(output))[1] == []
    assert output.read_text().split("\n")[:-1] == expected
    (tmp_path / "bad.txt").write_bytes(b"abc\n\xff\n")
    assert regard("translate", model, str(tmp_path / "bad.txt"), "--output", str(output))[0] == 2
    assert output.read_text().split("\n")[:-1] == expected
    assert sorted(file.name for file in tmp_path.iterdir()) == ["bad.txt", "lines.txt", "output.txt"]


def test_a_pipe_is_written_and_not_replaced(regard: Regard, model: str, lines: str, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    regard("translate", model, lines, "--output", str(pipe))
    written = os.read(reader, 100_000).decode()
    os.close(reader)
    assert written.count("\n") == len(LINES)
    assert pipe.is_fifo()


def test_lines_before_a_bad_one_are_answered(regard: Regard, model: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.txt"
    path.write_bytes(b"abc\nmno\n\xff\xfe\nabc\n")
    code, out, err = regard("translate", model, str(path))
    assert code == 2
    assert len(out) == 2
    assert all(out)
    assert len(err) == 1
    assert err[0].startswith(f"regard: {path}:3: byte 1, 0xFF, is not UTF-8 (")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--beams", "0"], "--beams: 0 is not within 1 to 1000"),
        (["--n-best", "9"], "--n-best: 9 of 4 beams cannot be given (keep at least 9 beams)"),
        (["--temperature", "2"], "--temperature: has no meaning for beam search (it goes with sampling)"),
        (["--sample", "--beams", "2"], "--beams: cannot go with --sample (choose one of the two)"),
        (["--length", "none", "--alpha", "1"], "--alpha: unknown setting (known here: nothing)"),
        (["--length", "gmnt"], "--length: unknown value 'gmnt' (did you mean gnmt?)"),
        (["--over-long", "drop"], "--over-long: unknown value 'drop' (one of refuse, split, cut)"),
        (["--prefix", "ÄÄ"], "prefix: the model cannot write 'ÄÄ' (force only what occurs in the training targets)"),
        (["--window", "0"], "window: 0 is below 1 (1 answers every text at once)"),
        (["--threads", "0"], "threads: 0 is below 1 (one per core is most)"),
        (["--output", "/nowhere/f"], "/nowhere/f: cannot be written: No such file or directory"),
        (["--ensemble", "/nowhere"], "/nowhere: does not exist (give the folder of a run or of a model)"),
    ],
)
def test_what_cannot_be_asked_for(regard: Regard, model: str, lines: str, arguments: list[str], words: str) -> None:
    code, out, err = regard("translate", model, lines, *arguments)
    assert (code, out, len(err)) == (2, [], 1)
    assert err[0].startswith(f"regard: {words}")


@pytest.mark.parametrize(
    ("run", "file", "words"),
    [
        ("nowhere", "lines.txt", "nowhere: does not exist (give the folder of a run or of a model)"),
        (".", "lines.txt", ".: is no run and no model folder (regard train makes one)"),
        ("/", "lines.txt", "/: is no run and no model folder (regard train makes one)"),
        ("{model}", "missing.txt", "missing.txt: no such file"),
        ("{model}", ".", ".: is a folder, not a file"),
    ],
)
def test_what_is_not_there(
    regard: Regard, model: str, lines: str, monkeypatch: pytest.MonkeyPatch, run: str, file: str, words: str
) -> None:
    monkeypatch.chdir(Path(lines).parent)
    code, out, err = regard("translate", run.format(model=model), file)
    assert (code, out, len(err)) == (2, [], 1)
    assert err[0].startswith(f"regard: {words}")


@pytest.mark.parametrize("name", ["config.toml", "model.safetensors", "source/vocabulary.json", "manifest.json"])
def test_a_damaged_model_folder_is_named(regard: Regard, lines: str, tmp_path: Path, name: str) -> None:
    folder = save_tiny_model(tmp_path / "damaged").path
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[: len(content) // 2])
    code, out, err = regard("translate", str(folder), lines)
    assert (code, out, len(err)) == (2, [], 1)
    assert err[0].startswith(f"regard: {folder / name}: ")
    assert "take a whole copy" in err[0]


def test_a_score_for_every_pair(regard: Regard, model: str, tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text(f"abc\tAA B\nmnop\tK\n{'a' * 17}\tK\n", encoding="utf-8")
    code, out, err = regard("score", model, str(pairs))
    assert (code, err) == (0, ["note: 1 line left out, being too long: 3"])
    rows = [[float(cell) for cell in line.split("\t")] for line in out]
    for (log_prob, tokens, mean, perplexity), expected in zip(rows[:2], (3, 2), strict=True):
        assert tokens == expected
        assert mean == pytest.approx(log_prob / tokens, abs=1e-4)  # printed to so many places
        assert perplexity == pytest.approx(math.exp(-mean), rel=1e-3)
    assert [math.isnan(cell) for cell in rows[2]] == [True, False, True, True]


def test_the_score_of_a_translation_is_its_log_probability(
    regard: Regard, model: str, lines: str, tmp_path: Path
) -> None:
    answers = [json.loads(line) for line in regard("translate", model, lines, "--json")[1]]
    pairs = [(line, answer) for line, answer in zip(LINES, answers, strict=True) if answer["status"] == "ok"]
    (tmp_path / "pairs.tsv").write_text("".join(f"{line}\t{answer['text']}\n" for line, answer in pairs))
    _, out, _ = regard("score", model, str(tmp_path / "pairs.tsv"), "--json")
    scores = [json.loads(line) for line in out]
    keys = ["line", "status", "log_prob", "mean", "perplexity", "tokens", "token_log_probs"]
    assert [list(score) for score in scores] == [keys] * len(pairs)
    assert [score["line"] for score in scores] == list(range(1, len(pairs) + 1))
    for (_, answer), score in zip(pairs, scores, strict=True):
        assert score["tokens"] == answer["tokens"]
        assert score["log_prob"] == pytest.approx(answer["log_prob"], rel=SAME_MATH["rtol"], abs=SAME_MATH["atol"])


def start(*arguments: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "regard", *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_a_reader_that_has_had_enough_ends_it_silently(model: str) -> None:
    process = start("translate", model, "--window", "2")
    assert process.stdin
    assert process.stdout
    assert process.stderr
    process.stdin.write(b"abc\nzz\n")
    process.stdin.flush()
    assert process.stdout.readline().strip()
    process.stdout.close()
    try:
        process.stdin.write(b"abc\nzz\n" * 10)
        process.stdin.close()
    except BrokenPipeError:
        pass
    assert process.stderr.read() == b""
    assert process.wait() == 0
    process.stderr.close()


def test_with_a_window_of_one_every_line_is_answered_at_once(model: str) -> None:
    process = start("translate", model, "-", "--window", "1")
    assert process.stdin
    assert process.stdout
    for line in (b"abc\n", b"\n", b"zz\n"):
        process.stdin.write(line)
        process.stdin.flush()
        assert bool(process.stdout.readline().strip()) == bool(line.strip())
    process.stdin.write(b"\xff\n")
    out, err = process.communicate()
    assert out == b""
    assert err.startswith(b"regard: standard input:4: byte 1, 0xFF, is not UTF-8")
    assert process.returncode == 2
