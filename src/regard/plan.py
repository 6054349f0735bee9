"""What a training is about to do, checked before anything is made and before torch is imported."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from regard.config import Values, merge, to_mapping
from regard.errors import ConfigError, RegardError
from regard.experiment import ExperimentConfig, read_preset, resolve
from regard.files import is_free
from regard.metrics import METRICS
from regard.model_folder import ModelFolder
from regard.origin import USUAL, resolve_from
from regard.run import Run
from regard.tasks.base import Splits, build_task
from regard.tasks.configs import FilesConfig
from regard.training.recipe import BASES, Allowance, Reason, recipe


@dataclass(frozen=True, slots=True)
class Plan:
    """Settings, pairs and place of a training, and why the settings are what they are."""

    out: Path
    config: ExperimentConfig
    splits: Splits
    reasons: Sequence[str]
    run: Run | None = None  # if it exists already
    origin: ModelFolder | None = None  # the model that it goes on from

    def start(self, command: Sequence[str] = ()) -> Run:
        """Return the run to train in; a new one is made now."""
        return self.run or self.create(self.out, command)

    def create(self, out: Path, command: Sequence[str] = ()) -> Run:
        """Make a run in a place of its own."""
        return Run.create(out, self.config, self.splits, command, self.origin)

    @contextmanager
    def kept_if_usable(self, run: Run) -> Iterator[None]:
        """Take a new run folder away again if what the user gave turns out not to do before anything is learnt."""
        try:
            yield
        except RegardError as error:
            if self.run is None and error.exit_code == 2 and not any((run.path / n).exists() for n in ("best", "last")):
                shutil.rmtree(run.path, ignore_errors=True)
            raise


def plan_new(
    task: Values, settings: Values, *, preset: str = "auto", out: Path | None = None, origin: ModelFolder | None = None
) -> Plan:
    """Check settings and pairs of a new run; `task` is laid over a preset's task, `settings` over all.

    Raises ConfigError for settings, before any pair is read, and DataError for pairs.
    """
    if origin is not None:
        name = USUAL if preset == "auto" else preset
        config = resolve_from(origin, name, task, settings)
        place = free_place(config, out)
        check_metrics(config)
        reasons = [f"goes on from {origin.path}", f"preset {name}"]
        return Plan(place, config, build_task(config.task).splits(), reasons, origin=origin)
    if preset != "auto":
        base: Values = read_preset(preset)
        config = resolve(base, task, settings)
        place = free_place(config, out)
        check_metrics(config)
        return Plan(place, config, build_task(config.task).splits(), [f"preset {preset}"])
    draft = any_recipe(task, settings)
    place = free_place(draft, out)
    splits = build_task(draft.task).splits()
    texts = [pair.source for pair in splits.train], [pair.target for pair in splits.train]
    made = recipe(*texts, allowance(draft.training.budget, task, settings))
    other_mean = {"training": {"ema": 0.0}} if draft.training.average else {}  # the user's, not the recipe's
    config = resolve(read_preset(made.base), made.values, other_mean, task, settings)
    check_metrics(config)
    return Plan(place, config, splits, [told(reason, config) for reason in made.reasons])


def allowance(seconds: float, task: Values, settings: Values) -> Allowance | None:
    """Return the time that a training is given, if any, and a way to measure what can be done in it."""
    if not seconds:
        return None

    def speed(base: str, values: Values, lengths: tuple[float, float]) -> float:
        import torch

        from regard.models.base import build_model
        from regard.training.probe import tokens_per_second

        config = resolve(read_preset(base), values, task, settings)
        source, target = (getattr(side, "vocabulary", 64) for side in (config.text.source, config.text.target))
        with torch.random.fork_rng(devices=[]):
            model = build_model(config.model, source, target)
        return tokens_per_second(model, config.training, (source, target), lengths)

    return Allowance(seconds, speed)


def any_recipe(task: Values, settings: Values) -> ExperimentConfig:
    """Return settings as they would be with a preset that the recipe may choose: mistakes show before pairs are read.

    Raises ConfigError if they go with none.
    """
    training = settings.get("training", {})
    best_by = training.get("best_by", "loss") if isinstance(training, Mapping) else None
    later = {"training": {"best_by": "loss"}} if isinstance(best_by, str) else {}  # what there is, the recipe says
    if isinstance(best_by, str) and best_by != "loss":
        try:
            METRICS[best_by]
        except ConfigError as error:
            raise error.within("training.best_by") from None
    problems = []
    for base in BASES:
        try:
            return resolve(read_preset(base), task, settings, later)
        except ConfigError as error:
            problems.append(error)
    raise problems[0]


def told(reason: Reason, config: ExperimentConfig) -> str:
    """Return a reason in words, and whether the user decided otherwise."""
    values = to_mapping(config)
    kept = merge(values, reason.values) == values
    return reason.text if kept else f"{reason.text} (your settings change this)"


def check_metrics(config: ExperimentConfig) -> None:
    """Raise MissingExtraError if a metric needs a package that is not there."""
    for name in config.task.metrics:
        METRICS[name]()


def plan_resume(out: Path, task: Values, settings: Values) -> Plan:
    """Check that a run can go on, with other settings as far as they may change.

    Raises ConfigError for those that may not, DataError if the pairs have changed.
    """
    run = Run.open(out)
    run = run.changed(resolve(to_mapping(run.config), task, settings))
    return Plan(run.path, run.config, run.splits(), ["resumed"], run)


def free_place(config: ExperimentConfig, out: Path | None) -> Path:
    """Return the folder to make: the given one, or one in `runs` that is named after the pairs.

    Raises ConfigError if there is something in its place.
    """
    if out is not None:
        if not is_free(out):
            hint = f"choose another --out, or regard train --resume --out {out}"
            raise ConfigError("exists already", where=str(out), hint=hint)
        return out
    task = config.task
    name = Path(task.train).name.split(".")[0] if isinstance(task, FilesConfig) else task.kind
    place, number = Path("runs") / name, 1
    while place.exists():
        number += 1
        place = Path("runs") / f"{name}-{number}"
    return place
