"""regard info, from the outside."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from regard.cli.info import in_words
from regard.cli.main import main
from regard.data.pairs import Pair
from regard.experiment import resolve
from regard.files import write_json
from regard.inference.translator import Translator
from regard.run import Run
from regard.tasks.base import Splits
from tests.tiny_model import save_tiny_model


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run that has not begun to train."""
    config = resolve({"task": {"kind": "reverse", "train": 10}, "training": {"steps": 50}})
    return Run.create(tmp_path / "run", config, Splits([Pair("a b", "b a")], [Pair("c d", "d c")])).path


@pytest.fixture
def trained(run: Path) -> Path:
    """The same run, with a model."""
    save_tiny_model(run / "best")
    best = {"loss": 1.25, "exact_match": 40.0, "weights": "averaged"}
    write_json(run / "status.json", {"state": "interrupted", "step": 40, "steps": 50, "best_step": 30, "best": best})
    return run


def described(path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[dict[str, object], str]:
    """Return what is told of a folder, as JSON and for people."""
    assert main(["info", str(path), "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert main(["info", str(path)]) == 0
    return values, capsys.readouterr().out


def test_a_new_run(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    values, out = described(run, capsys)
    assert values["status"] == {"state": "new", "step": 0, "steps": 50}
    assert values["resume"] == f"regard train --resume --out {run}"
    assert values["task"]["kind"] == "reverse"  # type: ignore[index]
    assert "model" not in values
    assert "weights   none yet" in out.splitlines()
    assert f"go on     regard train --resume --out {run}" in out.splitlines()


def test_a_run_with_a_model(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    values, out = described(trained, capsys)
    model = Translator.load(trained).folder.load_model()
    every = sum(weight.numel() for weight in model.parameters())
    tables = sum(weight.numel() for weight in model.embeddings.parameters())  # type: ignore[union-attr,operator]
    assert values["parameters"]["all"] == every  # type: ignore[index]
    assert values["parameters"]["without_embeddings"] == every - tables  # type: ignore[index]
    assert values["folder"] == str(trained / "best")
    assert values["bytes"] == sum(file.stat().st_size for file in trained.rglob("*") if file.is_file())
    lines = out.splitlines()
    assert "state       interrupted, step 40 of 50" in lines
    assert "best        step 30: loss 1.25, exact_match 40, of averaged weights" in lines
    assert any(line.startswith(f"parameters  {every:,}, {every - tables:,} without embeddings (") for line in lines)
    assert any(line.startswith("model       transformer: ") and "d_model 16" in line for line in lines)
    assert any(line.startswith("target      ") and "spaced, of the target alone" in line for line in lines)


def test_a_finished_run_needs_no_more(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_json(trained / "status.json", {"state": "finished", "step": 50, "steps": 50})
    values, out = described(trained, capsys)
    assert values["resume"] is None
    assert "--resume" not in out


def test_looking_never_moves_what_a_training_is_replacing(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (trained / "best").rename(trained / ".best.old")
    values, _ = described(trained, capsys)
    assert values["folder"] == str(trained / ".best.old")
    assert not (trained / "best").exists()


def test_a_failed_run_says_why(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_json(run / "status.json", {"state": "failed", "step": 3, "steps": 50, "problem": "loss is not a number"})
    assert "state     failed: loss is not a number, step 3 of 50" in described(run, capsys)[1].splitlines()


def test_a_model_folder(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    values, out = described(trained / "best", capsys)
    assert values["kind"] == "model"
    assert values["vocabulary"].keys() == {"source", "target"}  # type: ignore[attr-defined]
    assert "status" not in values
    assert set(values["files"]) == {"config.toml", "manifest.json", "model.safetensors", "source", "target"}  # type: ignore[call-overload]
    assert out.startswith(f"folder      {trained}/best\n")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("best/model.safetensors", "is damaged: its checksum differs"),
        ("best/manifest.json", "cannot be read: is not valid JSON"),
        ("status.json", "cannot be read: is not valid JSON"),
        ("config.toml", "is not TOML"),
    ],
)
def test_damage_is_told_with_its_place(
    trained: Path, damage: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (trained / damage).write_bytes(b"{")
    assert main(["info", str(trained)]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith(f"regard: {trained / damage}: {words}")


@pytest.mark.parametrize(("name", "words"), [("gone", "does not exist"), ("", "is no run and no model folder")])
def test_what_is_no_run(tmp_path: Path, name: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(tmp_path / name)]) == 2
    assert capsys.readouterr().err.startswith(f"regard: {tmp_path / name}: {words} (")


def test_no_torch_is_needed(trained: Path) -> None:
    code = (
        f"import sys; from regard.cli.main import main; main(['info', {str(trained)!r}]); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"


def test_settings_in_words() -> None:
    values = {"kind": "beam", "beams": 4, "length": {"kind": "gnmt", "alpha": 0.6}, "names": ["a", "b"], "off": False}
    assert in_words(values) == "beam: beams 4, length gnmt, names a b"
    assert in_words({"pooled": True, "empty": [], "path": ""}) == "pooled yes"
    assert in_words({"kind": "none"}) == "none"
