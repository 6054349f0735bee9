"""A model folder of ours as a folder of Hugging Face's."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from regard.errors import UnsupportedError
from regard.model_folder import ModelFolder


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What was written, and how it was compared."""

    folder: str
    architecture: str


def export(folder: ModelFolder, destination: Path, samples: Sequence[str]) -> Exported:
    """Write a folder that transformers loads, checked against the model on the samples.

    Raises UnsupportedError if no architecture there is that of the model.
    """
    raise UnsupportedError(f"{folder.settings.model.kind} models have no counterpart", where=str(folder.path))
