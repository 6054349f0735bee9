"""The commands from Python: what they refuse, and that nothing is left behind."""

from pathlib import Path
from typing import Any

import pytest

import regard
from regard.config import merge
from regard.errors import ConfigError, DataError, UnsupportedError
from tests.training.runs import TINY, Recorder, tiny_run

SMALL = {
    name: table
    for name, table in merge(TINY, {"training": {"steps": 2, "validate_every": 2}}).items()
    if name != "task"
}


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    file = tmp_path / "letters.tsv"
    file.write_text("".join(f"{a} {b}\t{b} {a}\n" for a in "abcdefgh" for b in "abcdefgh"))
    return file


def test_training_leaves_a_run_with_its_report(pairs: Path, tmp_path: Path) -> None:
    run = regard.train(pairs, out=tmp_path / "run", preset="letters", config=SMALL)
    assert run.status()["state"] == "finished"
    assert (run.path / "report.html").is_file()
    for place in (run, run.path, str(run.path), run.path / "best"):
        assert regard.evaluate(place).metrics.keys() == set(run.config.task.metrics)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"config": merge(SMALL, {"text": {"longest_source": 1}})}, DataError, "all .* pairs are over-long"),
        ({"config": SMALL, "device": "gpu"}, UnsupportedError, "device 'gpu': cannot be used"),
    ],
)
def test_a_mistake_that_shows_late_leaves_no_folder(
    pairs: Path, tmp_path: Path, options: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        regard.train(pairs, out=tmp_path / "run", preset="letters", **options)
    assert not (tmp_path / "run").exists()


def test_what_would_be_ignored_is_refused(pairs: Path, tmp_path: Path) -> None:
    task = {"task": {"kind": "files", "train": str(pairs)}}
    with pytest.raises(ConfigError, match="valid: goes with pairs alone"):
        regard.train(valid=pairs, config=SMALL | task, out=tmp_path / "run")
    run, _ = tiny_run(tmp_path / "run")
    with pytest.raises(ConfigError, match="preset: a run has its settings already"):
        regard.train(out=run.path, resume=True, preset="tiny")


def test_a_model_folder_that_lies_in_no_run_needs_pairs(pairs: Path, tmp_path: Path) -> None:
    run, splits = tiny_run(tmp_path / "run")
    run.train(splits, Recorder())
    alone = (run.path / "best").rename(tmp_path / "alone")
    assert regard.evaluate(alone, pairs).metrics.keys() == {"bleu", "chrf"}
    with pytest.raises(ConfigError, match="which pairs"):
        regard.evaluate(alone)
