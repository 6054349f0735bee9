"""A model folder of ours as a folder of Hugging Face's, which transformers loads without code from elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from regard.errors import ConfigError, UnsupportedError
from regard.files import is_free, new_folder, write_json
from regard.interop.huggingface.architecture import Target
from regard.interop.huggingface.marian import MARIAN
from regard.interop.huggingface.search import generation_config
from regard.model_folder import ModelFolder, save_tensors
from regard.models.configs import TransformerConfig

TARGETS = (MARIAN,)
"""Layouts of theirs, the likeliest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What was written, and how it was compared with the model that it was made of."""

    folder: str
    architecture: str
    files: tuple[str, ...]
    sentences: int  # that were compared
    largest_difference: float  # of log-probabilities, in nats
    same_greedy: int  # sentences with the same tokens
    same_beam: int  # likewise; the others have the same score from both, but were found by other ways to search
    notes: tuple[str, ...]


def export(folder: ModelFolder, destination: Path, samples: Sequence[str]) -> Exported:
    """Write a folder that transformers loads, after it has given the model's own outputs for the samples there.

    Raises UnsupportedError, naming it, for what has no counterpart there, MissingExtraError without transformers.
    """
    if not is_free(destination):
        raise ConfigError("exists already", where=str(destination), hint="choose another place")
    model = folder.settings.model
    if not isinstance(model, TransformerConfig):
        hint = "train a transformer to export it"
        raise UnsupportedError(f"no architecture for {model.kind} models", where=str(folder.path), hint=hint)
    target = choose(folder, model)
    from regard.interop.huggingface.compare import compare, require_transformers

    require_transformers()
    generation, notes = generation_config(folder.settings.decoding)
    with new_folder(destination) as new:
        write_json(new / "config.json", target.config(folder, model))
        write_json(new / "generation_config.json", generation)
        save_tensors(new / "model.safetensors", target.weights(folder, model), form="pt")
        target.write_tokenizers(new, folder)
        compared = compare(new, folder, samples)
        files = tuple(sorted(file.name for file in new.iterdir()))
    return Exported(
        folder=str(destination),
        architecture=target.name,
        files=files,
        sentences=compared.sentences,
        largest_difference=compared.largest_difference,
        same_greedy=compared.same_greedy,
        same_beam=compared.same_beam,
        notes=tuple(notes),
    )


def choose(folder: ModelFolder, model: TransformerConfig) -> Target:
    """Return the layout that takes all of a model.

    Raises UnsupportedError that names what the nearest one lacks.
    """
    lacks = [(target.lacking(folder, model), target) for target in TARGETS]
    lacking, nearest = min(lacks, key=lambda pair: len(pair[0]))
    if lacking:
        problem = f"{nearest.name} has no counterpart of {', '.join(lacking)}"
        raise UnsupportedError(problem, where=str(folder.path), hint=nearest.hint)
    return nearest
