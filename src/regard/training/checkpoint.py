"""Saving and resuming a training: all that decides the next step, whole or not at all.

last/                model folder with the weights as they stand
last/resume/         optimizer and running mean (state.safetensors), progress and choices (state.json)
best/                model folder with the best weights so far
averaged/            model folder with the mean, made at the end
snapshots/           weights of the last validations, while training, if their mean is wanted
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import load_file
from torch import Tensor

from regard.errors import CheckpointError
from regard.files import new_folder, read_json, settle, sha256, write_json
from regard.model_folder import ModelSettings, check_manifest, fill_model_folder, save_model_folder, save_tensors
from regard.text.sides import Sides
from regard.training.progress import Progress, Since

ANEW = "delete the folder `last` to start over"


@dataclass(frozen=True, slots=True)
class SavedState:
    """What `last/` holds."""

    weights: Mapping[str, Tensor]
    tensors: Mapping[str, Tensor]
    progress: Progress


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """The model folders of a run."""

    run: Path
    settings: ModelSettings
    sides: Sides

    def save_model(self, name: str, weights: dict[str, Tensor]) -> None:
        """Write a model folder into the run, whole or not at all."""
        save_model_folder(self.run / name, self.settings, self.sides, weights)

    def save_last(self, weights: dict[str, Tensor], tensors: dict[str, Tensor], progress: Progress) -> None:
        """Write the weights and all that is needed to go on from here."""
        with new_folder(self.run / "last") as folder:
            fill_model_folder(folder, self.settings, self.sides, weights)
            resume = folder / "resume"
            resume.mkdir()
            save_tensors(resume / "state.safetensors", tensors)
            checksum = sha256(resume / "state.safetensors")
            write_json(resume / "state.json", {"progress": asdict(progress), "sha256": checksum})

    def load_last(self) -> SavedState | None:
        """Read the last checkpoint, or return None if there is none yet.

        Raises CheckpointError if it is damaged.
        """
        last = self.run / "last"
        settle(last)
        if not last.exists():
            return None
        check_manifest(last)
        state = read_json(last / "resume" / "state.json")
        tensors = last / "resume" / "state.safetensors"
        if not isinstance(state, dict) or not {"progress", "sha256"} <= state.keys():
            raise CheckpointError("is damaged", where=str(last / "resume" / "state.json"), hint=ANEW)
        if not tensors.is_file() or sha256(tensors) != state["sha256"]:
            raise CheckpointError("is missing or damaged", where=str(tensors), hint=ANEW)
        weights = load_file(last / "model.safetensors")
        return SavedState(weights, load_file(tensors), _progress(state["progress"], last))


def _progress(values: Any, folder: Path) -> Progress:
    try:
        return Progress(**{**values, "since": Since(**values["since"])})
    except (TypeError, KeyError):
        hint = "it was made by another version of regard; start a new run"
        raise CheckpointError("cannot be understood", where=str(folder / "resume"), hint=hint) from None
