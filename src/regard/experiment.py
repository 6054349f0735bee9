"""The whole of a run's settings, and the only place that builds all parts from them.

Precedence: the defaults of the dataclasses, then a preset, then a file, then `--set`; merged before anything is made.
Reading and resolving settings imports no torch.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from difflib import get_close_matches
from functools import partial
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regard.config import Values, from_mapping, merge, parse_setting, read_toml, to_mapping, variant
from regard.data.encode import EncodedPairs, encode_pairs
from regard.data.pairs import Pair
from regard.decoding import SEARCHES
from regard.decoding.types import BeamConfig, DecodingConfig, GreedyConfig
from regard.errors import ConfigError, DataError
from regard.metrics import METRICS
from regard.model_folder import ModelSettings, load_weights
from regard.models import MODELS
from regard.models.configs import ModelConfig, TransformerConfig
from regard.tasks import TASKS
from regard.tasks.base import Splits
from regard.tasks.configs import TaskConfig
from regard.text.sides import Sides, TextConfig
from regard.training.configs import TrainingConfig

if TYPE_CHECKING:
    from regard.inspection.probes import Probes
    from regard.training.checkpoint import Checkpoints
    from regard.training.loop import Trainer
    from regard.training.precision import Precision
    from regard.training.progress import Listener
    from regard.training.world import World


@dataclass(frozen=True, kw_only=True, slots=True)
class ExperimentConfig:
    """Everything that decides what a run comes to, apart from the data itself and the machine."""

    task: TaskConfig = variant(TASKS)
    text: TextConfig = field(default_factory=TextConfig)
    model: ModelConfig = variant(MODELS, TransformerConfig())
    training: TrainingConfig = field(default_factory=TrainingConfig)
    decoding: DecodingConfig = variant(SEARCHES, BeamConfig())

    def __post_init__(self) -> None:
        """Refuse what only shows when the parts meet."""
        learnt = self.text.source.kind != "foreign"  # tokenizers from elsewhere bring their vocabularies
        if self.model.embeddings.kind == "three-way" and not self.text.shared and learnt:
            hint = "set model.embeddings=two-way, or text.shared=true"
            raise ConfigError("'three-way' needs one vocabulary for both sides", where="model.embeddings", hint=hint)
        best_by = self.training.best_by
        if best_by != "loss" and best_by not in self.task.metrics:
            hint = f"one of loss, {', '.join(self.task.metrics)}"
            raise ConfigError(f"{best_by!r} is not among task.metrics", where="training.best_by", hint=hint)

    @property
    def settings(self) -> ModelSettings:
        """What a model folder keeps of it."""
        return ModelSettings(model=self.model, text=self.text, decoding=self.decoding)


def presets() -> list[str]:
    """Return the names of the presets in the package, and `auto`, which is made from the data."""
    folder = resources.files("regard").joinpath("presets")
    return [
        "auto",
        *sorted(file.name.removesuffix(".toml") for file in folder.iterdir() if file.name.endswith(".toml")),
    ]


def read_preset(name: str) -> Values:
    """Return the values of a preset in the package.

    Raises ConfigError with the nearest names if there is none.
    """
    if name not in presets():
        close = get_close_matches(name, presets(), n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"presets: {', '.join(presets())}"
        raise ConfigError(f"unknown preset {name!r}", where="--preset", hint=hint)
    with resources.as_file(resources.files("regard").joinpath("presets", f"{name}.toml")) as file:
        return read_toml(file)


def over_preset(config: str | Path | None, settings: Sequence[str]) -> Values:
    """Return what a file and `--set` say, the latter on top."""
    values: Values = read_toml(config) if config else {}
    for setting in settings:
        values = merge(values, parse_setting(setting))
    return values


def resolve(*layers: Mapping[str, Any]) -> ExperimentConfig:
    """Merge layers of values, later ones on top, and make the config.

    Raises ConfigError, naming the full path, on anything that is unknown or impossible.
    """
    values: Values = {}
    for layer in layers:
        values = merge(values, layer)
    return from_mapping(ExperimentConfig, values)


def differences(one: Any, other: Any, where: str = "") -> dict[str, tuple[Any, Any]]:
    """Return the settings in which two configs differ, by path."""
    if not (is_dataclass(one) and type(one) is type(other)):
        return {} if one == other else {where: (one, other)}
    found: dict[str, tuple[Any, Any]] = {}
    for f in fields(one):
        path = f"{where}.{f.name}" if where else f.name
        found |= differences(getattr(one, f.name), getattr(other, f.name), path)
    return found


@dataclass(frozen=True, slots=True)
class Material:
    """The data of a run, ready for training; no torch yet."""

    train: EncodedPairs
    valid: EncodedPairs
    sides: Sides
    weights: Path | None = None  # what the model begins with, in place of random numbers


def prepare(config: ExperimentConfig, splits: Splits, sides: Sides | None = None) -> Material:
    """Learn the tokenizers, unless they are given, and number all texts.

    Raises DataError if nothing is left of a split.
    """
    if sides is None:
        sources, targets = [p.source for p in splits.train], [p.target for p in splits.train]
        sides = Sides.learn(config.text, sources, targets)
    train = encode_pairs([flat for pair in splits.train for flat in alternatives(pair)], sides, config.text)
    valid = encode_pairs(splits.valid, sides, config.text)
    for name, encoded, pairs in (("training", train, splits.train), ("held-out", valid, splits.valid)):
        if not len(encoded):
            hint = "raise text.longest_source and text.longest_target, or set text.over_long=cut"
            raise DataError(f"all {len(pairs)} {name} pairs are over-long", where="text", hint=hint)
    return Material(train, valid, sides)


def alternatives(pair: Pair) -> list[Pair]:
    """Return a pair for every reference: all of them are learnt."""
    return [Pair(pair.source, target, (), pair.line) for target in (pair.target, *pair.others)]


def pooled_references(pairs: Sequence[Pair], *, pooled: bool) -> list[list[str]]:
    """Return the references of every pair; if pooled, those of all pairs with its source."""
    if not pooled:
        return [[pair.target, *pair.others] for pair in pairs]
    shared: dict[str, list[str]] = {}
    for pair in pairs:
        shared.setdefault(pair.source, []).extend((pair.target, *pair.others))
    return [shared[pair.source] for pair in pairs]


def build_trainer(
    config: ExperimentConfig,
    material: Material,
    precision: "Precision",
    checkpoints: "Checkpoints",
    listener: "Listener",
    stop: Callable[[], bool],
    began: float,
    world: "World",
) -> "Trainer":
    """Build the model and all that trains it; the time given, if any, counts from `began`, by time.monotonic."""
    import torch

    from regard.data.batching import Examples
    from regard.models.base import build_model
    from regard.training.course import CountedCourse, TimedCourse
    from regard.training.loop import Trainer
    from regard.training.validation import Validation, spread

    sides = material.sides
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.training.seed)
        model = build_model(config.model, len(sides.source.vocabulary), len(sides.target.vocabulary))
    if material.weights is not None:
        load_weights(model, material.weights)
    firsts = first_of_each(material.valid.pairs, pooled=config.task.pooled)
    validation = Validation(
        encoded=material.valid,
        references=pooled_references(material.valid.pairs, pooled=config.task.pooled),
        sides=sides,
        metrics=[METRICS[name]() for name in config.task.metrics],
        decoding=greedy(config.decoding),
        scored=[firsts[i] for i in spread(len(firsts), config.training.validate_pairs)],
        samples=[firsts[i] for i in spread(len(firsts), 3)],
    )
    examples = Examples.of(material.train, sides, config.text)
    budget, counted = config.training.budget, CountedCourse(config.training)
    told = (time.monotonic, time.process_time) if precision.device == "cpu" else (time.monotonic,)
    clocks = [partial(world.from_first, clock) for clock in told]
    course = TimedCourse(budget, began, *clocks) if budget else counted
    watcher = probes(config, material, firsts, checkpoints.run)
    parts = model, examples, validation, config.training, precision, checkpoints, listener, stop, course, world
    return Trainer(*parts, watcher)


def probes(config: ExperimentConfig, material: Material, firsts: Sequence[int], run: Path) -> "Probes | None":
    """Return what looks at a few of the held-out pairs `firsts` at each validation: short ones, evenly spread."""
    from regard.inspection.probes import LONGEST, Probes
    from regard.training.validation import spread

    valid, sides = material.valid, material.sides
    short = [i for i in firsts if max(len(valid.sources[i]), len(valid.targets[i])) < LONGEST]
    if not config.training.probes or not short:
        return None
    chosen = [short[i] for i in spread(len(short), config.training.probes)]
    pairs = [
        (sides.source.vocabulary.tokens(valid.sources[i]), sides.target.vocabulary.tokens(valid.targets[i]))
        for i in chosen
    ]
    return Probes(run / "probes", sides, pairs)


def greedy(decoding: DecodingConfig) -> GreedyConfig:
    """Return the search of validation: greedy, within all limits of the search that the model will be used with."""
    limits = {f.name: getattr(decoding, f.name) for f in fields(DecodingConfig) if f.name != "n_best"}
    return GreedyConfig(**limits)


def first_of_each(pairs: Sequence[Pair], *, pooled: bool) -> list[int]:
    """Return the pairs to decode: all of them, or the first of each source if their references are pooled."""
    if not pooled:
        return list(range(len(pairs)))
    seen: set[str] = set()
    return [i for i, pair in enumerate(pairs) if not (pair.source in seen or seen.add(pair.source))]  # type: ignore[func-returns-value]


def to_toml(config: ExperimentConfig) -> str:
    """Return the config as TOML, defaults included."""
    import tomli_w

    return tomli_w.dumps(to_mapping(config))
