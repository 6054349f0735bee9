"""What the files of a run say, as plain values; made for reports, which train nothing and load no model."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from safetensors import safe_open

from regard.config import read_toml
from regard.errors import CheckpointError
from regard.files import read_json

Values = Mapping[str, Any]

NOT_VALIDATIONS = ("step", "warning", "saved", "replanned")


@dataclass(frozen=True, slots=True)
class RunFiles:
    """A run as its files tell it."""

    path: Path
    config: Values
    status: Values
    environment: Values
    data: Values  # data_report.json
    choices: Values  # choices.json: what was measured about the machine
    events: tuple[Values, ...]  # metrics.jsonl
    samples: tuple[Values, ...]  # samples.jsonl
    valid: tuple[Values, ...]  # valid.jsonl

    @classmethod
    def read(cls, path: Path) -> "RunFiles":
        """Read a run folder; one that has not come far has less to tell.

        Raises CheckpointError if it is no run folder or a file is damaged.
        """
        if not (path / "config.toml").is_file():
            raise CheckpointError("is no run folder", where=str(path), hint="give the folder of a run")
        return cls(
            path=path,
            config=read_toml(path / "config.toml"),
            status=_object(path / "status.json"),
            environment=_object(path / "env.json"),
            data=_object(path / "data_report.json"),
            choices=_object(path / "choices.json"),
            events=_lines(path / "metrics.jsonl"),
            samples=_lines(path / "samples.jsonl"),
            valid=_lines(path / "valid.jsonl"),
        )

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.path.resolve().name

    @property
    def steps(self) -> list[Values]:
        """Means over some steps each, in order."""
        return [event for event in self.events if event["event"] == "step"]

    @property
    def validations(self) -> list[Values]:
        """Validations in order; at the end perhaps one of averaged weights."""
        return [event for event in self.events if event["event"] not in NOT_VALIDATIONS]

    @property
    def warnings(self) -> dict[str, list[int]]:
        """The steps of every warning, by its text."""
        steps: dict[str, list[int]] = {}
        for event in self.events:
            if event["event"] == "warning":
                steps.setdefault(event["text"], []).append(event["step"])
        return steps

    @property
    def best(self) -> Values | None:
        """The validation whose weights are in the folder `best`, if there was one."""
        return next((event for event in reversed(self.validations) if event["best"]), None)

    @property
    def chosen_by(self) -> str:
        """What the best validation was chosen by: "loss" or a metric."""
        return str(self.config["training"]["best_by"])

    @property
    def main_metric(self) -> str:
        """The metric that the run is judged by."""
        return self.chosen_by if self.chosen_by != "loss" else str(self.config["task"]["metrics"][0])

    @property
    def scored(self) -> int:
        """Held-out texts whose translations a validation scored."""
        refused = set(self.data.get("over_long", {}).get("valid", {}).get("refused", ()))
        pairs = [pair for pair in self.valid if pair.get("line", 0) not in refused]
        texts = len({pair["source"] for pair in pairs}) if self.config["task"].get("pooled") else len(pairs)
        return min(texts, int(self.config["training"]["validate_pairs"]))

    @property
    def seconds(self) -> float:
        """Time spent in steps and validations, over all parts of an interrupted run."""
        resume = self.path / "last" / "resume" / "state.json"
        in_steps = float(_object(resume).get("progress", {}).get("seconds", 0.0))
        return in_steps + sum(event["seconds"] for event in self.validations)

    @property
    def tensors(self) -> dict[str, list[int]]:
        """The shapes of the best model's tensors by name; none without a model."""
        file = self.path / "best" / "model.safetensors"
        if not file.is_file():
            return {}
        with safe_open(file, framework="numpy") as tensors:
            return {name: tensors.get_slice(name).get_shape() for name in tensors.keys()}  # noqa: SIM118

    def parameters(self, *, embeddings: bool = True) -> int:
        """Return how many numbers the model has learnt, with or without those of embeddings."""
        return sum(prod(shape) for name, shape in self.tensors.items() if embeddings or "embeddings" not in name)

    @property
    def languages(self) -> tuple[str, str] | None:
        """The languages, where the settings name them: by locale or by the ends of two files' names."""
        if self.config["task"]["kind"] == "phrasebook":
            return self.config["task"]["source"], self.config["task"]["target"]
        source, target = (Path(self.file(name).removesuffix(".gz")).suffix[1:] for name in ("train", "train_target"))
        return (source, target) if all(re.fullmatch("[a-z]{2}", end) for end in (source, target)) else None

    def file(self, name: str) -> str:
        """Return the name of a file of pairs that the settings have under `name`, or nothing."""
        task = self.config["task"]
        return Path(task.get(name, "")).name if task["kind"] == "files" else ""


def metric_title(result: Values) -> str:
    """Return what people call a metric, as its signature begins: "BLEU"."""
    return str(result["signature"]).partition("|")[0].replace("_", " ")


def _object(path: Path) -> Values:
    """Return what a JSON file holds, or nothing if it is not there (yet)."""
    values: Values = read_json(path) if path.exists() else {}
    return values


def _lines(path: Path) -> tuple[Values, ...]:
    """Return the lines of a JSON lines file; one that is being written, or was cut off by a crash, is left out."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    try:
        return tuple(json.loads(line) for line in text.split("\n")[:-1])
    except ValueError:
        raise CheckpointError("is damaged", where=str(path), hint="take a whole copy of the run") from None
