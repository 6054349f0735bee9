import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch.testing import assert_close

from regard.errors import ConfigError, ResourceError, TrainingError, UnsupportedError
from regard.model_folder import ModelFolder
from regard.run import Run
from regard.run_state import alone_in
from regard.training.averaging import Snapshots
from regard.training.loop import Interrupted, Trainer
from regard.training.progress import read_journal
from tests.tolerances import SAME_MATH
from tests.training.runs import Recorder, tiny_run

SAMPLED = {
    "text": {
        "source": {"kind": "unigram", "vocabulary": 280, "sampling": 0.3},
        "target": {"kind": "unigram", "vocabulary": 280, "sampling": 0.3},
    }
}


def weights(run: Run, name: str = "last") -> dict[str, torch.Tensor]:
    return load_file(run.path / name / "model.safetensors")


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize(
    "values",
    [
        {"training": {"ema": 0.9}},
        {"training": {"average": 2, "optimizer": {"kind": "muon"}}},
        {"training": {"accumulate": 2, "optimizer": {"kind": "adamw"}}, **SAMPLED},
        {"training": {"precision": "bfloat16"}},
        {"training": {"objective": {"kind": "r-drop"}}},
        {"model": {"kind": "recurrent", "d_model": 16, "dropout": 0.2}},
    ],
    ids=["ema", "muon, average", "accumulate, sampling", "bfloat16", "r-drop", "recurrent"],
)
@pytest.mark.parametrize("stop_at", [1, 3, 5, 10])
def test_a_resumed_run_ends_with_the_same_bits(tmp_path: Path, values: dict[str, Any], stop_at: int) -> None:
    if values.get("model", {}).get("kind") == "recurrent":
        from tests.training import runs

        values = values | {"model": dict.fromkeys(runs.TINY["model"]) and values["model"]}
    whole, splits = tiny_run(tmp_path / "whole", values)
    whole.train(splits, Recorder())
    cut, splits = tiny_run(tmp_path / "cut", values)
    heard = Recorder()
    with pytest.raises(Interrupted):
        cut.train(splits, heard, lambda: len(heard.steps) >= stop_at)
    assert cut.status()["state"] == "interrupted"
    Run.open(cut.path).train(cut.splits(), Recorder())
    assert same(weights(whole), weights(cut))
    assert same(weights(whole, "best"), weights(cut, "best"))
    assert Run.open(cut.path).status()["state"] == "finished"
    if "average" in values.get("training", {}):
        assert same(weights(whole, "averaged"), weights(cut, "averaged"))


def test_the_journal_of_a_resumed_run_has_every_step_once(tmp_path: Path) -> None:
    undisturbed, splits = tiny_run(tmp_path / "undisturbed")
    whole = Recorder()
    undisturbed.train(splits, whole)
    run, splits = tiny_run(tmp_path / "run")
    heard = Recorder()
    with pytest.raises(Interrupted):
        run.train(splits, heard, lambda: len(heard.steps) >= 5)
    Run.open(run.path).train(splits, Recorder())
    events = read_journal(run.path / "metrics.jsonl")
    assert sum(event["tokens"] for event in events if event["event"] == "step") == sum(r.tokens for r in whole.steps)
    steps = [event["step"] for event in read_journal(run.path / "metrics.jsonl") if event["event"] == "validation"]
    assert steps == [4, 8, 12]
    lines = (run.path / "samples.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["step"] for line in lines] == [4, 8, 12]


def test_the_best_model_translates(tmp_path: Path) -> None:
    run, splits = tiny_run(tmp_path / "run")
    run.train(splits, Recorder())
    folder = ModelFolder.open(run.path)
    assert folder.path == run.path / "best"
    assert folder.load_model().config == run.config.model


def test_every_validation_shows_three_sentences_now_and_before(tmp_path: Path) -> None:
    run, splits = tiny_run(tmp_path / "run")
    heard = Recorder()
    run.train(splits, heard)
    first, second, third = heard.validations
    assert len(first.samples) == 3
    assert [sample.now for sample in first.samples] == [sample.before for sample in second.samples]
    assert [sample.now for sample in second.samples] == [sample.before for sample in third.samples]
    assert set(third.metrics) == {"exact_match", "token_accuracy"}


def test_patience_ends_a_training_that_gets_no_better(tmp_path: Path) -> None:
    values = {"training": {"patience": 1, "validate_every": 1, "steps": 50, "optimizer": {"rate": 1e-30}}}
    run, splits = tiny_run(tmp_path / "run", values)
    heard = Recorder()
    run.train(splits, heard)
    assert len(heard.steps) < 10
    assert run.status()["state"] == "finished"


def trainer(tmp_path: Path, values: dict[str, Any] | None = None) -> tuple[Trainer, Recorder]:
    run, splits = tiny_run(tmp_path / "run", values or {"model": {"dropout": 0.0, **NO_DROPOUT}})
    heard = Recorder()
    return run.trainer(splits, heard, lambda: False), heard


NO_DROPOUT = {"attention_dropout": 0.0, "inner_dropout": 0.0}


def test_a_batch_that_does_not_fit_is_split_and_gives_the_same_gradient(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, heard = trainer(tmp_path)
    batch = next(made.examples.batches(64, 1))[1]
    made.gradient([batch], 1)
    whole = made.weights.grad.clone()
    pass_of = Trainer._pass

    def small_memory(self: Trainer, batch: Any, *rest: Any) -> float:
        if len(batch.target_out) > 3:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 123 bytes.")
        return pass_of(self, batch, *rest)

    monkeypatch.setattr(Trainer, "_pass", small_memory)
    _, passes = made.gradient([batch], 1)
    assert passes > 1
    assert_close(made.weights.grad, whole, **SAME_MATH)
    assert "same gradient" in heard.warnings[0]


def test_a_pair_that_does_not_fit_alone_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, _ = trainer(tmp_path)

    def no_memory(*args: Any) -> float:
        raise MemoryError

    monkeypatch.setattr(Trainer, "_pass", no_memory)
    with pytest.raises(ResourceError, match="one pair does not fit into memory"):
        made.update([next(made.examples.batches(64, 1))[1]], 0)


def test_a_loss_that_is_no_number_stops_before_the_weights_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, _ = trainer(tmp_path)
    batches = made.examples.batches(64, 1)
    made.update([next(batches)[1]], 0)
    good = made.weights.master.clone()
    monkeypatch.setattr(Trainer, "_pass", lambda *args: float("nan"))
    with pytest.raises(TrainingError, match=r"step 2, \d+ pairs from lines .*no longer a number"):
        made.update([next(batches)[1]], 0)
    assert torch.equal(made.weights.master, good)
    assert_close(
        load_file(made.checkpoints.run / "last" / "model.safetensors")["embeddings.table"],
        made.weights.view(good, "embeddings.table"),
    )


def test_a_loss_that_rises_far_above_guessing_stops_and_leaves_the_last_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, _ = trainer(tmp_path)
    batches = made.examples.batches(64, 1)
    made.update([next(batches)[1]], 0)
    made.save()
    good = made.weights.master.clone()
    monkeypatch.setattr(Trainer, "_pass", lambda self, batch, *rest: 99.0 * batch.tokens)
    for _ in range(49):
        made.update([next(batches)[1]], 0)
    with pytest.raises(TrainingError, match=r"step 51, .*has risen to \d+\.\d nats.*weights from before are in `last`"):
        made.update([next(batches)[1]], 0)
    saved = load_file(made.checkpoints.run / "last" / "model.safetensors")["embeddings.table"]
    assert_close(saved, made.weights.view(good, "embeddings.table"))


def test_no_checkpoint_is_written_while_the_loss_is_far_above_guessing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = {"training": {"steps": 200, "save_every": 1, "validate_every": 1000}}
    made, heard = trainer(tmp_path, values)
    rising = {"loss": made.guessing}

    def worse(self: Trainer, batch: Any, *rest: Any) -> float:
        if self.progress.step > 60:
            rising["loss"] *= 1.02
        return rising["loss"] * batch.tokens

    monkeypatch.setattr(Trainer, "_pass", worse)
    with pytest.raises(TrainingError, match=r"weights from before are in `last`"):
        made.train()
    assert 60 < heard.saves[-1] < made.progress.step - 10
    assert heard.saves == list(range(1, heard.saves[-1] + 1))


def test_a_training_that_fails_at_once_claims_no_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, _ = trainer(tmp_path)
    monkeypatch.setattr(Trainer, "_pass", lambda *args: float("nan"))
    with pytest.raises(TrainingError, match=r"step 1, .*no weights had been saved yet"):
        made.update([next(made.examples.batches(64, 1))[1]], 0)


def test_going_on_after_the_end_has_the_mean_to_beat(tmp_path: Path) -> None:
    run, splits = tiny_run(tmp_path / "run", {"training": {"average": 2}})
    best = run.train(splits, Recorder()).progress.best
    assert run.trainer(splits, Recorder(), lambda: False).progress.best == best


def test_the_journal_keeps_the_mean_of_a_run_that_is_done_and_has_it_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, splits = tiny_run(tmp_path / "run", {"training": {"average": 2}})

    def names() -> list[str]:
        return [event["event"] for event in read_journal(run.path / "metrics.jsonl")]

    with monkeypatch.context() as patch:
        patch.setattr(Snapshots, "remove", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run.train(splits, Recorder())
    assert names().count("averaged") == 1
    for _ in range(2):
        run.train(splits, Recorder())
        assert names().count("averaged") == 1


def interrupted(*args: Any) -> None:
    raise KeyboardInterrupt


def test_validation_keeps_to_the_limits_of_the_search(tmp_path: Path) -> None:
    run, splits = tiny_run(tmp_path / "run", {"decoding": {"min_length": 7, "max_length": 7, "no_repeat": 2}})
    heard = Recorder()
    run.train(splits, heard)
    outputs = [sample.now.split() for report in heard.validations for sample in report.samples]
    assert {len(output) for output in outputs} == {7}
    assert all(len(set(pairwise(output))) == 6 for output in outputs)


def test_the_training_loss_of_a_validation_is_that_of_an_undisturbed_run(tmp_path: Path) -> None:
    whole, splits = tiny_run(tmp_path / "whole")
    undisturbed, heard, after = Recorder(), Recorder(), Recorder()
    whole.train(splits, undisturbed)
    cut, splits = tiny_run(tmp_path / "cut")
    with pytest.raises(Interrupted):
        cut.train(splits, heard, lambda: len(heard.steps) >= 3)
    cut.train(splits, after)
    assert [r.train_loss for r in after.validations] == [r.train_loss for r in undisturbed.validations]


def test_a_run_is_trained_by_one_process_at_a_time(tmp_path: Path) -> None:
    run, splits = tiny_run(tmp_path / "run")
    with alone_in(run.path), pytest.raises(ConfigError, match="another process is training here"):
        run.train(splits, Recorder())


@pytest.mark.parametrize("error", [RuntimeError("shapes"), MemoryError(), OSError(5, "I/O")])
def test_the_state_of_a_run_that_broke_is_failed(tmp_path: Path, error: Exception) -> None:
    run, splits = tiny_run(tmp_path / "run")
    heard = Recorder()

    def broken(*args: Any) -> None:
        raise error

    heard.stepped = broken  # type: ignore[method-assign]
    with pytest.raises(type(error)):
        run.train(splits, heard)
    assert run.status()["state"] == "failed"
    run.train(splits, Recorder())
    assert "problem" not in run.status()


def test_a_device_that_is_not_there_is_refused_before_it_is_kept(tmp_path: Path) -> None:
    run, splits = tiny_run(tmp_path / "run")
    with pytest.raises(UnsupportedError, match="device 'gpu': cannot be used"):
        run.train(splits, Recorder(), device="gpu")
    assert not (run.path / "choices.json").exists()
    run.train(splits, Recorder())
    with pytest.raises(ConfigError, match="--device: the run was started on 'cpu'"):
        run.train(splits, Recorder(), device="meta")


def test_other_bugs_are_not_taken_for_lack_of_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, _ = trainer(tmp_path)

    def broken(*args: Any) -> float:
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(Trainer, "_pass", broken)
    with pytest.raises(RuntimeError, match="shapes do not match"):
        made.update([next(made.examples.batches(64, 1))[1]], 0)
