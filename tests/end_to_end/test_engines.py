"""Engines on the command line: translate, evaluate and export with CTranslate2."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from regard.cli.main import main
from regard.decoding.types import GreedyConfig
from regard.evaluation import engines
from tests.test_architecture import modules_after
from tests.tiny_model import save_tiny_model

pytest.importorskip("ctranslate2")
pytestmark = pytest.mark.extra

Regard = Callable[..., tuple[int, str, str]]


@pytest.fixture
def regard(capsys: pytest.CaptureFixture[str]) -> Regard:
    """Run a command in this process; return its exit code, stdout and stderr."""

    def run(*arguments: object) -> tuple[int, str, str]:
        code = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with `model` and `lines.txt`, `pairs.tsv`."""
    save_tiny_model(tmp_path / "model", decoding=GreedyConfig(max_length=8))
    (tmp_path / "lines.txt").write_text("hello\n\nabc mnop\n", encoding="utf-8")
    (tmp_path / "pairs.tsv").write_text("hello\tAA B\nabc\tCH\n", encoding="utf-8")
    return tmp_path


def test_translating_with_either_engine_gives_the_same(regard: Regard, place: Path) -> None:
    arguments = "translate", place / "model", place / "lines.txt"
    _, expected, _ = regard(*arguments)
    code, out, _ = regard(*arguments, "--engine", "ctranslate2", "--threads", "1")
    assert (code, out) == (0, expected)


def test_exporting_tells_what_was_compared_and_the_folder_translates(regard: Regard, place: Path) -> None:
    lines = place / "lines.txt"
    command = "export", place / "model", place / "out", "--to", "ctranslate2", "--samples", lines, "--json"
    code, out, _ = regard(*command)
    report = json.loads(out)
    assert (code, report["sentences"], report["same_greedy"], report["same_beam"]) == (0, 2, 2, 2)
    _, expected, _ = regard("translate", place / "model", lines)
    assert regard("translate", place / "out", lines, "--engine", "ctranslate2")[1] == expected


def test_evaluating_tells_how_far_an_engine_is_from_the_reference(
    regard: Regard, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = "evaluate", place / "model", place / "pairs.tsv", "--engine", "ctranslate2"
    code, out, err = regard(*command)
    assert code == 0
    assert "difference +0.00; 2 of 2 outputs are the same" in out
    assert "warning" not in err
    assert json.loads(regard(*command, "--json")[1])["engine"]["difference"] == 0
    monkeypatch.setattr(engines, "TOLERATED", -1.0)
    assert "warning: BLEU differs by 0.00, more than -1.0, from torch in float32" in regard(*command)[2]


def test_the_reference_is_not_compared_with_itself(regard: Regard, place: Path) -> None:
    _, out, _ = regard("evaluate", place / "model", place / "pairs.tsv", "--precision", "float32", "--json")
    assert json.loads(out)["engine"] is None


def test_bfloat16_is_compared(regard: Regard, place: Path) -> None:
    _, out, _ = regard("evaluate", place / "model", place / "pairs.tsv", "--precision", "bfloat16", "--json")
    assert json.loads(out)["engine"]["sentences"] == 2


def test_what_an_engine_lacks_is_one_line_and_code_2(regard: Regard, place: Path) -> None:
    command = "translate", place / "model", place / "lines.txt", "--engine", "ctranslate2", "--sample"
    assert regard(*command) == (
        2,
        "",
        "regard: engine 'ctranslate2': sampling search: not supported (use engine 'torch')\n",
    )


def test_an_exported_model_translates_without_torch(regard: Regard, place: Path) -> None:
    regard("export", place / "model", place / "out", "--to", "ctranslate2", "--samples", place / "lines.txt")
    command = ["translate", "out", "lines.txt", "--engine", "ctranslate2"]
    assert not {"torch", "numpy"} & modules_after(command, place)
