"""A run: a folder in which a training happens, from its settings to its best model.

    config.toml          all settings, defaults included            command.txt, env.json   how and where it was started
    data_report.json     what was read, kept, dropped; fingerprint   valid.jsonl             the held-out pairs
    tokenizer/           learnt first, then kept                    choices.json            what was measured, then kept
    origin/              the model it goes on from, if any
    metrics.jsonl        every event                                 samples.jsonl           sample sentences, by step
    best/ last/ averaged/     model folders                          status.json             how far it got
    probes/                   attention of a few pairs, by step      inspection/             what was measured of heads
    report.html, README.md    made at the end

Making and opening a run imports no torch; training does.
"""

import hashlib
import json
import platform
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regard import __version__
from regard.config import from_mapping, read_toml, to_mapping
from regard.data.pairs import Pair
from regard.decoding.types import DecodingConfig
from regard.errors import CheckpointError, ConfigError, DataError
from regard.experiment import ExperimentConfig, Material, build_trainer, differences, prepare, to_toml
from regard.files import is_free, new_folder, settle, write_json, write_text
from regard.model_folder import ModelFolder, find_model
from regard.origin import keep, kept_weights
from regard.run_state import SampleFile, StatusFile, alone_in, json_table, read_status, true_state
from regard.tasks.base import Splits, build_task
from regard.text.sides import Sides
from regard.training.progress import Journal, Listener, Listeners, Quiet

if TYPE_CHECKING:
    from regard.training.loop import Trainer
    from regard.training.precision import Precision

MAY_CHANGE = ("training.steps", "training.budget", "training.patience", "training.save_every")
"""Settings that a resumed run may change."""

OUT_OF_REACH = 0.01
"""Share of training targets longer than the search allows, above which a training says so."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run folder and its settings."""

    path: Path
    config: ExperimentConfig

    def __fspath__(self) -> str:
        return str(self.path)

    @classmethod
    def create(
        cls,
        path: Path,
        config: ExperimentConfig,
        splits: Splits,
        command: Sequence[str] = (),
        origin: ModelFolder | None = None,
    ) -> "Run":
        """Make a run folder, whole or not at all; with an origin, one that goes on from that model.

        Raises ConfigError if there is something in its place.
        """
        if not is_free(path):
            hint = "choose another --out, or go on with --resume" if (path / "config.toml").exists() else "see --out"
            raise ConfigError("exists already", where=str(path), hint=hint)
        config = replace(config, task=config.task.anywhere())  # so that the run can be resumed from anywhere
        with new_folder(path) as folder:
            write_text(folder / "config.toml", to_toml(config))
            write_text(folder / "command.txt", " ".join(command) + "\n")
            write_json(folder / "env.json", environment())
            write_json(folder / "data_report.json", {**splits.report, "fingerprint": fingerprint(splits)})
            lines = (json.dumps(_plain(pair), ensure_ascii=False) + "\n" for pair in splits.valid)
            write_text(folder / "valid.jsonl", "".join(lines))
            if origin is not None:
                keep(origin, folder)
            write_json(folder / "status.json", {"state": "new", "step": 0, "steps": config.training.steps})
        return cls(path, config)

    @classmethod
    def open(cls, path: str | Path) -> "Run":
        """Open a run folder.

        Raises CheckpointError if it is none.
        """
        folder = Path(path)
        settle(folder)
        if not (folder / "config.toml").is_file():
            hint = "give the folder of a run, as regard train makes it"
            problem = "is no run folder" if folder.exists() else "does not exist"
            raise CheckpointError(problem, where=str(path), hint=hint)
        values = read_toml(folder / "config.toml")
        try:
            return cls(folder, from_mapping(ExperimentConfig, values))
        except ConfigError as error:
            raise error.within(str(folder / "config.toml")) from None

    def changed(self, config: ExperimentConfig) -> "Run":
        """Return the run with other settings, as far as a run may change them on the way; training writes them down.

        Raises ConfigError that lists those that it may not.
        """
        config = replace(config, task=config.task.anywhere())
        changes = differences(self.config, config)
        refused = {path: pair for path, pair in changes.items() if path not in MAY_CHANGE}
        if refused:
            listed = "; ".join(f"{path} was {old!r} and is {new!r}" for path, (old, new) in refused.items())
            hint = f"start a new run, or change only {', '.join(MAY_CHANGE)}"
            raise ConfigError(f"settings differ: {listed}", where=str(self.path), hint=hint)
        return replace(self, config=config)

    def splits(self) -> Splits:
        """Read or make the pairs once more.

        Raises DataError if they are not those that the run was started with.
        """
        splits = build_task(self.config.task).splits()
        if json_table(self.path / "data_report.json").get("fingerprint") != fingerprint(splits):
            hint = "bring back the old files, or start a new run"
            raise DataError("the pairs have changed since the run was started", where=str(self.path), hint=hint)
        return splits

    def delete(self) -> None:
        """Delete the folder and all that is in it.

        Raises ConfigError while a process trains in it.
        """
        with alone_in(self.path):
            shutil.rmtree(self.path)

    def status(self) -> dict[str, Any]:
        """Return how far the run got."""
        return read_status(self.path)

    def train(
        self,
        splits: Splits,
        listener: Listener,
        stop: Callable[[], bool] = lambda: False,
        device: str | None = None,
        began: float | None = None,
    ) -> "Trainer":
        """Train to the end, from the last checkpoint if there is one; return the trainer, which knows how it went.

        The time given, if any, counts from `began` (by time.monotonic), or from now.
        Raises Interrupted when `stop` says so, TrainingError or ResourceError when training fails.
        """
        from regard.training.world import join

        if join().rank:
            trainer = self.trainer(splits, Quiet(), stop, device, began)
            trainer.train()
            return trainer
        with alone_in(self.path), true_state(self.path):
            write_text(self.path / "config.toml", to_toml(self.config))
            trainer = self.trainer(splits, listener, stop, device, began)
            trainer.train()
        return trainer

    def trainer(
        self,
        splits: Splits,
        listener: Listener,
        stop: Callable[[], bool],
        device: str | None = None,
        began: float | None = None,
    ) -> "Trainer":
        """Build everything and go to the last checkpoint."""
        import torch

        from regard.training.checkpoint import Checkpoints
        from regard.training.precision import keep_memory, other_kernels
        from regard.training.world import join

        keep_memory()
        world = join()
        start = world.from_first(lambda: time.monotonic() if began is None else began)
        journal, samples = Journal(self.path / "metrics.jsonl"), SampleFile(self.path / "samples.jsonl")
        listeners = Listeners(journal, samples, StatusFile(self.path, self.config.training.steps), listener)
        with world.in_turn():
            material = self.material(splits)
            precision = self.precision(device)
            torch.set_num_threads(precision.threads)
            checkpoints = Checkpoints(self.path, self.config.settings, material.sides)
            heard = Quiet() if world.rank else listeners
            trainer = build_trainer(self.config, material, precision, checkpoints, heard, stop, start, world)
            trainer.restore()
        if world.rank:
            return trainer
        journal.rewind(trainer.progress.step, "averaged" if trainer.averages_next else "")
        samples.rewind(trainer.progress.step)
        for text in other_kernels(precision):
            listeners.warned(trainer.progress.step, text)
        if not trainer.progress.step:
            for text in (*over_long(material), *out_of_reach(material, self.config.decoding)):
                listeners.warned(0, text)
        return trainer

    def material(self, splits: Splits) -> Material:
        """Return all texts as ids, by the tokenizers of the run, which are learnt the first time."""
        folder = self.path / "tokenizer"
        settle(folder)
        material = prepare(self.config, splits, Sides.load(folder) if folder.exists() else None)
        if not folder.exists():
            with new_folder(folder) as new:
                material.sides.save(new)
        report = json_table(self.path / "data_report.json")
        if "over_long" not in report:
            over_long = {
                name: {"refused": encoded.refused, "cut": encoded.cut, "used": len(encoded)}
                for name, encoded in (("train", material.train), ("valid", material.valid))
            }
            write_json(self.path / "data_report.json", report | {"over_long": over_long})
        return replace(material, weights=kept_weights(self.path))

    def precision(self, device: str | None) -> "Precision":
        """Return how to compute: measured the first time, then kept.

        Raises UnsupportedError if the device cannot be used, ConfigError if the run was started on another.
        """
        from regard.models.device import device_called
        from regard.training.precision import Precision, choose

        file = self.path / "choices.json"
        if file.exists():
            precision = kept_choices(file, Precision)
            device_called(precision.device)
            if device not in (None, precision.device):
                hint = "leave --device out, or start a new run"
                raise ConfigError(f"the run was started on {precision.device!r}", where="--device", hint=hint)
            return precision
        device_called(device or "cpu")
        precision = choose(self.config.training, device or "cpu")
        write_json(file, to_mapping(precision))
        return precision


def run_of(path: str | PathLike[str]) -> Run | None:
    """Return the run that a path is, or that a model folder lies in; None if there is none.

    Raises CheckpointError if there is no model, or if the run is damaged.
    """
    here = Path(path)
    find_model(here)
    folders = (here, here.absolute().parent)
    found = next((folder for folder in folders if (folder / "status.json").is_file()), None)
    return Run.open(found) if found else None


def over_long(material: Material) -> Iterator[str]:
    """Yield a sentence for each part of the pairs that was too long, with the first lines."""
    for name, encoded in (("training", material.train), ("held-out", material.valid)):
        for fate, lines in (("left out", encoded.refused), ("cut", encoded.cut)):
            if lines:
                first = ", ".join(map(str, lines[:5])) + (" ..." if len(lines) > 5 else "")
                total = len(encoded) + len(encoded.refused)
                yield (
                    f"{len(lines):,} of {total:,} {name} pairs are longer than text.longest_source or longest_target "
                    f"and were {fate}: lines {first}"
                )


def out_of_reach(material: Material, decoding: DecodingConfig) -> Iterator[str]:
    """Yield a sentence if the search would cut off outputs that training teaches: more than one in a hundred."""
    pairs = zip(material.train.sources, material.train.targets, strict=True)
    longer = sum(len(target) > decoding.limit(len(source)) for source, target in pairs)
    if longer > OUT_OF_REACH * len(material.train):
        yield (
            f"{longer:,} of {len(material.train):,} training targets have more tokens than an output may have "
            f"({decoding.length_ratio:g} for each of the source and {decoding.length_extra} more): "
            "raise decoding.length_ratio or decoding.length_extra"
        )


def fingerprint(splits: Splits) -> str:
    """Return a checksum of all training and held-out pairs, in order."""
    digest = hashlib.sha256()
    for pairs in (splits.train, splits.valid):
        for pair in pairs:
            digest.update("\0".join((pair.source, pair.target, *pair.others)).encode("utf-8", "surrogatepass") + b"\n")
        digest.update(b"\n")
    return digest.hexdigest()


def environment() -> dict[str, str]:
    """Return what the machine and the libraries are; no names, no paths."""
    from importlib.metadata import version

    libraries = {name: version(name) for name in ("torch", "numpy", "sentencepiece", "sacrebleu", "safetensors")}
    machine = {"system": platform.system(), "machine": platform.machine(), "python": sys.version.split()[0]}
    return {"regard": __version__} | machine | libraries


def kept_choices(file: Path, kind: "type[Precision]") -> "Precision":
    """Return the choices that a run was started with.

    Raises CheckpointError if they are not those.
    """
    try:
        return kind(**json_table(file))
    except TypeError:
        raise CheckpointError("is damaged", where=str(file), hint="take a whole copy, or start a new run") from None


def _plain(pair: Pair) -> Mapping[str, Any]:
    targets = [pair.target, *pair.others]
    return {"source": pair.source, "target": targets if pair.others else pair.target, "line": pair.line}
