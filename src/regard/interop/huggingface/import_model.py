"""A folder of Hugging Face's as a model folder of ours; transformers is not needed."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regard.config import from_mapping
from regard.decoding.types import BeamConfig, DecodingConfig
from regard.errors import CheckpointError, ConfigError, UnsupportedError
from regard.interop.huggingface import ARCHITECTURES
from regard.interop.huggingface.architecture import Architecture
from regard.interop.huggingface.files import WHOLE_COPY, HubFolder
from regard.interop.huggingface.vocabularies import read_sides
from regard.model_folder import ModelFolder, ModelSettings, save_model_folder
from regard.text.sides import Sides, TextConfig

if TYPE_CHECKING:
    from torch import Tensor

LONGEST = 512
"""Tokens of a text, where the config does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What was read and written."""

    folder: str
    architecture: str
    parameters: int
    source: int  # tokens
    target: int
    languages: tuple[str, ...]  # codes that a source may begin with


def import_model(path: Path, out: Path) -> Imported:
    """Read a model of theirs and write it as a model folder, whole or not at all.

    Raises UnsupportedError, naming it, for what regard has no part for; CheckpointError for what is damaged.
    """
    folder = HubFolder.open(path)
    name = str(folder.config.get("model_type"))
    if name not in ARCHITECTURES.table:
        problem = f"model_type {name!r} is not read"
        raise UnsupportedError(problem, where=str(path), hint=f"what is: {', '.join(ARCHITECTURES)}")
    architecture: Architecture = ARCHITECTURES[name]
    try:
        model = architecture.config(folder)
        sides, rows = read_sides(folder)
        settings = ModelSettings(model=model, text=text_config(folder, sides), decoding=decoding(folder))
    except ConfigError as error:
        raise CheckpointError(str(error), where=str(path / "config.json"), hint=WHOLE_COPY) from None
    weights = architecture.weights(folder, model, rows)
    check_fit(settings, sides, weights, path)
    save_model_folder(out, settings, sides, weights)
    ModelFolder.open(out)
    return Imported(
        folder=str(out),
        architecture=name,
        parameters=sum(tensor.numel() for tensor in weights.values()),
        source=len(sides.source.vocabulary),
        target=len(sides.target.vocabulary),
        languages=settings.text.source.codes,  # type: ignore[attr-defined]
    )


def text_config(folder: HubFolder, sides: Sides) -> TextConfig:
    """Return how texts are cut, and how long they may be."""
    longest = folder.config.get("max_position_embeddings") or folder.config.get("n_positions")
    most = max(1, longest - 2) if type(longest) is int else LONGEST  # BOS and EOS need places
    source, target = sides.source.tokenizer.config, sides.target.tokenizer.config  # type: ignore[attr-defined]
    return TextConfig(source=source, target=target, shared=False, longest_source=most, longest_target=most)


def decoding(folder: HubFolder) -> DecodingConfig:
    """Return how the model is used to search."""
    asked: Mapping[str, Any] = folder.generation
    values: dict[str, Any] = {
        "beams": asked.get("num_beams"),
        "max_length": max(1, asked["max_length"] - 2) if type(asked.get("max_length")) is int else None,
        "min_length": asked.get("min_length"),
        "no_repeat": asked.get("no_repeat_ngram_size"),
    }
    given = {name: value for name, value in values.items() if value is not None}
    length = {"kind": "power", "alpha": asked.get("length_penalty", 1.0)}
    return from_mapping(BeamConfig, {**given, "length": length})


def check_fit(settings: ModelSettings, sides: Sides, weights: "Mapping[str, Tensor]", path: Path) -> None:
    """Raise CheckpointError unless the weights are those that the config asks for."""
    import torch

    from regard.models.base import build_model

    sizes = len(sides.source.vocabulary), len(sides.target.vocabulary)
    with torch.device("meta"):
        wanted = {name: tensor.shape for name, tensor in build_model(settings.model, *sizes).state_dict().items()}
    for name, shape in wanted.items():
        if name not in weights or weights[name].shape != shape:
            found = tuple(weights[name].shape) if name in weights else "nothing"
            problem = f"the weights do not fit config.json: {name} is {found}, not {tuple(shape)}"
            raise CheckpointError(problem, where=str(path), hint=WHOLE_COPY)
