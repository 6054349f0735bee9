"""Averages, precision, validation and warnings: the small parts of a training."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from regard.data.pairs import Pair
from regard.metrics.base import MetricResult
from regard.training import precision
from regard.training.averaging import RunningMean, Snapshots
from regard.training.configs import TrainingConfig
from regard.training.progress import Journal, Progress, ValidationReport, drop_after, read_journal
from regard.training.validation import by_length, perplexity, spread
from regard.training.warnings import look_for_trouble, overfits
from regard.training.weights import Weights
from tests.tiny import MODERN, tiny_model


def weights() -> Weights:
    return Weights(tiny_model(MODERN), torch.float32)


def test_the_running_mean_forgets_by_its_decay() -> None:
    made = weights()
    start = made.master.clone()
    mean = RunningMean(made, 0.5)
    made.master.add_(1.0)
    mean.update(made, step=10**6)
    assert_close(mean.vector, start + 0.5)


def test_the_mean_of_the_last_snapshots(tmp_path: Path) -> None:
    made, snapshots = weights(), Snapshots(tmp_path / "snapshots", 3)
    assert snapshots.mean() is None
    for step in range(1, 6):
        made.master.fill_(float(step))
        snapshots.add(made, step)
    mean = snapshots.mean()
    assert mean is not None
    assert_close(mean, torch.full_like(mean, 4.0))
    snapshots.rewind(4)
    mean = snapshots.mean()
    assert mean is not None
    assert_close(mean, torch.full_like(mean, 3.5))
    snapshots.remove()
    assert not (tmp_path / "snapshots").exists()


@pytest.mark.parametrize(("fast", "dtype"), [(0.1, "bfloat16"), (0.5, "float32"), (2.0, "float32")])
def test_bfloat16_is_chosen_where_its_products_are_much_faster(
    monkeypatch: pytest.MonkeyPatch, fast: float, dtype: str
) -> None:
    monkeypatch.setattr(
        precision, "_product_seconds", lambda kind, device, threads: fast if kind == torch.bfloat16 else 1.0
    )
    assert precision.choose(TrainingConfig(threads=1)).dtype == dtype


def test_a_set_precision_is_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "_product_seconds", None)
    chosen = precision.choose(TrainingConfig(precision="bfloat16", threads=2))
    assert (chosen.torch_dtype, chosen.threads, chosen.reason) == (torch.bfloat16, 2, "as set")


def test_samples_are_spread_evenly_and_the_same_each_time() -> None:
    assert spread(10, 3) == [0, 4, 9]
    assert spread(2, 5) == [0, 1]
    assert spread(1, 3) == [0]


def test_batches_of_like_length_hold_every_text_once() -> None:
    lengths = [3, 4000, 7, 2, 2500, 2400]
    batches = by_length(lengths, range(6))
    assert sorted(i for batch in batches for i in batch) == list(range(6))
    assert batches[0] == [1]


def test_perplexity() -> None:
    assert perplexity(math.log(8)) == pytest.approx(8)
    assert perplexity(1e9) == math.inf


def report(loss: float = 2.0) -> ValidationReport:
    return ValidationReport(
        step=10, epoch=1, train_loss=1.0, loss=loss, perplexity=perplexity(loss), metrics={}, samples=[],
        seconds=1.0, tokens_per_second=1.0, best=True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("rate", "loss", "better"), [(99.0, 9.0, True), (100.0, 1.9, True), (100.0, 2.0, False), (101.0, 1.0, False)]
)
def test_of_two_equals_the_lower_loss_is_better(rate: float, loss: float, better: bool) -> None:
    result = MetricResult(name="wer", value=rate, unit="%", higher_is_better=False, signature="")
    best_so_far = Progress(best=-100.0, best_loss=2.0)
    assert replace(report(loss), metrics={"wer": result}).beats(best_so_far, "wer") is better
    assert replace(report(loss), metrics={"wer": result}).beats(Progress(), "wer")


PAIRS = [Pair(f"source {i}", f"target {i}") for i in range(20)]


@pytest.mark.parametrize(
    ("outputs", "words"),
    [
        (["same"] * 20, "20 of 20 outputs are the same"),
        ([""] * 20, "outputs are empty"),
        ([pair.source for pair in PAIRS], "copy their source"),
        (["la la la la la la la la " + pair.target for pair in PAIRS], "repeat themselves"),
    ],
)
def test_odd_outputs_are_named(outputs: list[str], words: str) -> None:
    assert any(words in text for text in look_for_trouble(report(), Progress(), PAIRS, outputs, 9.0))


def test_good_outputs_raise_no_warning() -> None:
    outputs = [f"output {i}" for i in range(20)]
    assert list(look_for_trouble(report(), Progress(), PAIRS, outputs, 9.0)) == []


def test_copies_are_right_where_the_task_is_to_copy() -> None:
    pairs = [Pair(text, text) for text in map(str, range(20))]
    assert list(look_for_trouble(report(), Progress(), pairs, [pair.target for pair in pairs], 9.0)) == []


def test_a_model_no_better_than_word_counts_is_named() -> None:
    progress = Progress(valid=[5.1, 5.0])
    texts = list(look_for_trouble(report(5.0), progress, [], [], unigram=5.0))
    assert "nothing learnt from the sources yet" in texts[0]


def test_learning_by_heart_shows_in_the_two_losses() -> None:
    assert overfits([4.0, 3.0, 2.0, 1.0], [1.0, 2.0, 3.0, 4.0])
    assert not overfits([4.0, 3.0, 2.0, 1.0], [1.0, 2.0, 3.0, 2.0])
    assert not overfits([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0])
    assert not overfits([4.0, 3.0], [1.0, 2.0])


def test_the_journal_can_be_cut_back_to_a_step(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "metrics.jsonl")
    for step in (1, 2, 3):
        journal.warned(step, "text")
    with journal.path.open("a") as file:
        file.write('{"event": "warn')
    assert [event["step"] for event in read_journal(journal.path)] == [1, 2, 3]
    drop_after(journal.path, 2)
    assert [event["step"] for event in read_journal(journal.path)] == [1, 2]
