"""What a training goes on from: the model folder whose weights, tokenizers and sizes it begins with."""

import shutil
from pathlib import Path

from regard.config import Values, to_mapping
from regard.errors import ConfigError
from regard.experiment import ExperimentConfig, differences, read_preset, resolve
from regard.model_folder import ModelFolder

USUAL = "finetune"
"""The preset, unless another is asked for."""

KEPT = "origin"
"""Where a run keeps it, so that it can be resumed before its first checkpoint, and tell what it came from."""

MAY_DIFFER = (
    *("model.dropout", "model.attention_dropout", "model.inner_dropout"),
    *("text.longest_source", "text.longest_target", "text.over_long"),
)
"""Settings of the model and its texts that may be others than it was made with."""


def resolve_from(folder: ModelFolder, preset: str, task: Values, settings: Values) -> ExperimentConfig:
    """Return the settings of a training that goes on from a model.

    Raises ConfigError for settings that contradict it.
    """
    base = {name: table for name, table in read_preset(preset).items() if name not in ("model", "text", "decoding")}
    own = folder.settings
    tables = {
        "text": to_mapping(own.text),
        "model": {"kind": own.model.kind} | to_mapping(own.model),
        "decoding": {"kind": own.decoding.kind} | to_mapping(own.decoding),
    }
    config = resolve(base, tables, task, settings)
    found = differences(own.model, config.model, "model") | differences(own.text, config.text, "text")
    if contrary := {path: pair for path, pair in found.items() if path not in MAY_DIFFER}:
        listed = "; ".join(f"{path} is {old!r} and cannot be {new!r}" for path, (old, new) in contrary.items())
        hint = f"leave it out, or change only {', '.join(MAY_DIFFER)}"
        raise ConfigError(f"settings contradict the model: {listed}", where=str(folder.path), hint=hint)
    return config


def keep(folder: ModelFolder, run: Path) -> None:
    """Copy the model and its tokenizers into a run that is being made."""
    shutil.copytree(folder.path, run / KEPT)
    (run / "tokenizer").mkdir()
    folder.sides.save(run / "tokenizer")


def kept_weights(run: Path) -> Path | None:
    """Return the weights that a run began with; None if they were drawn at random."""
    file = run / KEPT / "model.safetensors"
    return file if file.is_file() else None
