"""Runs small enough to train in a test: reverse strings of four symbols."""

from pathlib import Path
from typing import Any

from regard.config import Values, merge
from regard.experiment import ExperimentConfig, resolve
from regard.run import Run
from regard.tasks.base import Splits, build_task

TINY: Values = {
    "task": {"kind": "reverse", "train": 60, "valid": 12, "test": 4, "symbols": 4, "shortest": 2, "longest": 6},
    "text": {"source": "spaced", "target": "spaced"},
    "model": {
        "kind": "transformer",
        "encoder_layers": 1,
        "decoder_layers": 1,
        "d_model": 16,
        "heads": 2,
        "d_ff": 32,
        "dropout": 0.2,
        "attention_dropout": 0.1,
        "inner_dropout": 0.1,
    },
    "training": {
        "steps": 12,
        "batch_tokens": 64,
        "optimizer": {"kind": "adam", "rate": 0.003},
        "schedule": {"kind": "linear", "warmup": 3},
        "validate_every": 4,
        "save_every": 2,
        "precision": "float32",
        "threads": 1,
    },
    "decoding": {"kind": "greedy"},
}


def tiny_config(**training: Any) -> ExperimentConfig:
    """Return the settings of a tiny run, with some of the training changed."""
    return resolve(TINY, {"training": training})


def tiny_run(folder: Path, values: Values | None = None) -> tuple[Run, Splits]:
    """Make a tiny run, untrained."""
    config = resolve(merge(TINY, values or {}))
    splits = build_task(config.task).splits()
    return Run.create(folder, config, splits), splits


class Recorder:
    """A listener that keeps what it hears."""

    def __init__(self) -> None:
        self.steps: list[Any] = []
        self.validations: list[Any] = []
        self.warnings: list[str] = []
        self.saves: list[int] = []
        self.plans: list[Any] = []

    def stepped(self, report: Any, steps: int) -> None:
        self.steps.append(report)

    def validated(self, report: Any) -> None:
        self.validations.append(report)

    def warned(self, step: int, text: str) -> None:
        self.warnings.append(text)

    def saved(self, step: int) -> None:
        self.saves.append(step)

    def replanned(self, news: Any) -> None:
        self.plans.append(news)
