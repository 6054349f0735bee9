from pathlib import Path

import pytest

from regard.config import merge
from regard.errors import CheckpointError, ConfigError, DataError
from regard.experiment import resolve
from regard.files import read_json
from regard.plan import plan_new, plan_resume
from regard.run import Run
from tests.training.runs import TINY, Recorder, tiny_run

PAIRS = "".join(f"{a} {b}\t{b} {a}\n" for a in "abcdefg" for b in "abcdefg")


def write_pairs(folder: Path) -> dict[str, dict[str, str]]:
    (folder / "pairs.tsv").write_text(PAIRS)
    return {"task": {"kind": "files", "train": str(folder / "pairs.tsv")}}


FILES = {name: table for name, table in TINY.items() if name != "task"}


def test_a_new_run_holds_its_settings_and_what_was_held_out(tmp_path: Path) -> None:
    plan = plan_new(write_pairs(tmp_path), FILES, preset="letters", out=tmp_path / "run")
    run = plan.start(["regard", "train"])
    assert Run.open(run.path).config == run.config
    assert (run.path / "command.txt").read_text() == "regard train\n"
    report = read_json(run.path / "data_report.json")
    assert report["read"] == 49 == report["train"] + report["valid"]
    assert len((run.path / "valid.jsonl").read_text().splitlines()) == report["valid"]


def test_two_runs_of_the_same_settings_end_with_the_same_bytes(tmp_path: Path) -> None:
    folders = []
    for name in ("one", "two"):
        run, splits = tiny_run(tmp_path / name)
        run.train(splits, Recorder())
        folders.append(run.path)
    for file in ("best/model.safetensors", "best/manifest.json", "last/model.safetensors", "samples.jsonl"):
        assert (folders[0] / file).read_bytes() == (folders[1] / file).read_bytes(), file


def test_a_resumed_run_may_change_its_length_and_nothing_that_decides_its_weights(tmp_path: Path) -> None:
    run, _ = tiny_run(tmp_path / "run")
    longer = resolve(merge(TINY, {"training": {"steps": 99}}))
    assert run.changed(longer).config.training.steps == 99
    assert Run.open(run.path).config.training.steps == 12, "written down by training, not by asking"
    other = resolve(merge(TINY, {"training": {"seed": 2}, "model": {"d_ff": 8}}))
    with pytest.raises(ConfigError, match=r"settings differ: model.d_ff was 32 and is 8; training.seed was 1 and is 2"):
        run.changed(other)


def test_changed_pairs_are_noticed(tmp_path: Path) -> None:
    task = write_pairs(tmp_path)
    plan_new(task, FILES, preset="letters", out=tmp_path / "run").start()
    assert plan_resume(tmp_path / "run", {}, {}).splits.train
    (tmp_path / "pairs.tsv").write_text(PAIRS + "new\tpair\n")
    with pytest.raises(DataError, match="the pairs have changed since the run was started"):
        plan_resume(tmp_path / "run", {}, {})


def test_a_run_is_not_made_over_another(tmp_path: Path) -> None:
    run, splits = tiny_run(tmp_path / "run")
    with pytest.raises(ConfigError, match=r"exists already .*--resume"):
        Run.create(run.path, run.config, splits)


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="does not exist"):
        Run.open(tmp_path / "nothing")
    with pytest.raises(CheckpointError, match="is no run folder"):
        Run.open(tmp_path)


def test_a_mistake_in_settings_shows_before_the_pairs_are_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"model\.kind"):
        plan_new({"task": {"kind": "files", "train": "missing.tsv"}}, {"model": {"kind": "x"}}, out=tmp_path / "run")


def test_measured_choices_are_kept(tmp_path: Path) -> None:
    run, splits = tiny_run(tmp_path / "run", {"training": {"precision": "auto"}})
    run.train(splits, Recorder())
    chosen = read_json(run.path / "choices.json")
    assert chosen["dtype"] in ("float32", "bfloat16")
    (run.path / "choices.json").write_text((run.path / "choices.json").read_text().replace(chosen["reason"], "kept"))
    assert Run.open(run.path).precision("cpu").reason == "kept"


def test_over_long_pairs_are_told_by_line_and_reconcile(tmp_path: Path) -> None:
    run, splits = tiny_run(tmp_path / "run", {"text": {"longest_source": 4}})
    heard = Recorder()
    run.trainer(splits, heard, lambda: False)
    long = [pair.line for pair in splits.train if len(pair.source.split()) > 4]
    assert f"{len(long)} of 60 training pairs are longer" in heard.warnings[0]
    counts = read_json(run.path / "data_report.json")["over_long"]["train"]
    assert counts == {"refused": long, "cut": [], "used": 60 - len(long)}


@pytest.mark.parametrize(("ratio", "told"), [(1.0, 0), (0.5, 1)])
def test_a_search_that_would_cut_off_what_training_teaches_is_told(ratio: float, told: int, tmp_path: Path) -> None:
    limits = {"decoding": {"kind": "greedy", "length_ratio": ratio, "length_extra": 0}}
    run, splits = tiny_run(tmp_path / "run", limits)
    heard = Recorder()
    run.trainer(splits, heard, lambda: False)
    assert sum("training targets have more tokens" in text for text in heard.warnings) == told
