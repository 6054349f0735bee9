"""The quickstart, from its command to its result, with little to learn."""

import json
from pathlib import Path

import pytest

from regard.cli.main import main
from regard.run_state import alone_in

SMALL = [
    "task.train=300", "task.valid=12", "task.test=14", "text.source.vocabulary=400", "text.target.vocabulary=400",
    "model.d_model=16", "model.d_ff=16", "model.encoder_layers=1", "model.decoder_layers=1",
    "training.steps=3", "training.validate_every=3", "training.threads=1", "training.precision=float32",
]  # fmt: skip
SETTINGS = [word for setting in SMALL for word in ("--set", setting)]


def test_it_trains_measures_translates_looks_and_reports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["quickstart", *SETTINGS]) == 0
    said = capsys.readouterr().out
    folder = tmp_path / "runs" / "quickstart"
    result = json.loads((folder / "result.json").read_text())
    assert 0 <= result["exact_match"] <= 1
    assert 0 < result["train_seconds"] < result["total_seconds"]
    assert said.count("\n  = ") + said.count("\n  x ") == 12
    assert "Encoder-decoder attention" in said
    assert (folder / "report.html").is_file()
    assert main(["quickstart", "--pair", "en-xx"]) == 2
    assert (folder / "result.json").is_file(), "a typo must not cost the run"
    monkeypatch.setattr("regard.cli.quickstart.trained", interrupted)
    assert main(["quickstart", *SETTINGS, "--quiet"]) == 130
    assert "go on with: regard train --resume --out runs/quickstart" in capsys.readouterr().err


def test_another_run_in_its_place_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("quickstart.tsv").write_text("".join(f"{a} {b}\t{b} {a}\n" for a in "abcdefgh" for b in "abcdefgh"))
    monkeypatch.setattr("sys.argv", ["regard", "train", "quickstart.tsv"])
    trained = ["train", "quickstart.tsv", "--preset", "letters", "--steps", "1", *SETTINGS[10:20], "--quiet"]
    assert main(trained) == 0
    assert main(["quickstart", *SETTINGS]) == 2
    assert "runs/quickstart: exists already" in capsys.readouterr().err
    assert Path("runs/quickstart/best").is_dir()


def test_a_quickstart_that_is_still_training_is_not_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("regard.cli.quickstart.trained", interrupted)
    assert main(["quickstart", *SETTINGS, "--quiet"]) == 130
    with alone_in(Path("runs/quickstart")):
        assert main(["quickstart", *SETTINGS, "--quiet"]) == 2
    assert "another process is training here" in capsys.readouterr().err
    assert Path("runs/quickstart/config.toml").is_file()


def interrupted(*args: object, quiet: bool) -> None:
    raise KeyboardInterrupt
