"""Trainings that go on from a model: its weights, tokenizers and sizes, and nothing that contradicts them."""

from pathlib import Path

import pytest
import torch

from regard.cli.main import main
from regard.model_folder import ModelFolder
from tests.tiny_model import save_tiny_model

PAIRS = [("abc def", "AA AH"), ("ghi jkl", "B CH D"), ("mnop", "EH ER F")] * 6
QUICK = ["--set", "training.steps=2", "--set", "training.threads=1", "--set", "training.precision=float32", "--quiet"]


@pytest.fixture
def pairs(tmp_path: Path) -> str:
    file = tmp_path / "pairs.tsv"
    file.write_text("".join(f"{source} {i}\t{target}\n" for i, (source, target) in enumerate(PAIRS)), encoding="utf-8")
    return str(file)


def test_a_training_goes_on_from_the_weights_of_a_model(tmp_path: Path, pairs: str) -> None:
    model, out = save_tiny_model(tmp_path / "model"), tmp_path / "run"
    still = ["--set", "training.optimizer.rate=1e-12"]
    assert main(["train", pairs, "--from", str(model.path), "--out", str(out), *QUICK, *still]) == 0
    after = ModelFolder.open(out)
    assert after.sides.source.vocabulary.entries == model.sides.source.vocabulary.entries
    assert after.settings.model == model.settings.model
    before = model.load_model().state_dict()
    for name, tensor in after.load_model().state_dict().items():
        torch.testing.assert_close(tensor, before[name], rtol=0.0, atol=1e-6)


def test_weights_do_change(tmp_path: Path, pairs: str) -> None:
    model, out = save_tiny_model(tmp_path / "model"), tmp_path / "run"
    assert main(["train", pairs, "--from", str(model.path), "--out", str(out), *QUICK]) == 0
    before, after = model.load_model().state_dict(), ModelFolder.open(out).load_model().state_dict()
    assert any(not torch.equal(before[name], after[name]) for name in before)


@pytest.mark.slow
def test_it_can_be_resumed_when_the_model_is_gone(tmp_path: Path, pairs: str) -> None:
    model, out = save_tiny_model(tmp_path / "model"), tmp_path / "run"
    assert main(["train", pairs, "--from", str(model.path), "--out", str(out), *QUICK]) == 0
    for file in (out / "best", out / "last"):
        assert (file / "manifest.json").is_file()
    assert (out / "origin" / "manifest.json").is_file()
    (tmp_path / "model").rename(tmp_path / "elsewhere")
    more = ["--set", "training.steps=3", "--quiet"]
    assert main(["train", "--resume", "--out", str(out), *more]) == 0


@pytest.mark.parametrize(
    ("setting", "named"),
    [
        ("model.d_model=32", "model.d_model is 16 and cannot be 32"),
        ("model.positions=rotary", "model.positions"),
        ("text.target=characters", "text.target"),
    ],
)
def test_what_contradicts_the_model_is_refused(
    tmp_path: Path, pairs: str, capsys: pytest.CaptureFixture[str], setting: str, named: str
) -> None:
    model = save_tiny_model(tmp_path / "model")
    run = ["train", pairs, "--from", str(model.path), "--out", str(tmp_path / "run"), *QUICK, "--set", setting]
    assert main(run) == 2
    assert named in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_dropout_may_change_and_a_dry_run_leaves_nothing(tmp_path: Path, pairs: str) -> None:
    model, out = save_tiny_model(tmp_path / "model"), tmp_path / "run"
    run = ["train", pairs, "--from", str(model.path), "--out", str(out), *QUICK, "--set", "model.dropout=0.3"]
    assert main([*run, "--dry-run"]) == 0
    assert not out.exists()


def test_a_model_that_is_not_there(tmp_path: Path, pairs: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", pairs, "--from", str(tmp_path / "none"), "--out", str(tmp_path / "run")]) == 2
    assert "does not exist" in capsys.readouterr().err


def test_resuming_takes_no_other_origin(tmp_path: Path, pairs: str, capsys: pytest.CaptureFixture[str]) -> None:
    model, out = save_tiny_model(tmp_path / "model"), tmp_path / "run"
    assert main(["train", pairs, "--from", str(model.path), "--out", str(out), *QUICK]) == 0
    assert main(["train", "--resume", "--from", str(model.path), "--out", str(out), "--quiet"]) == 2
    assert "goes on from itself" in capsys.readouterr().err
