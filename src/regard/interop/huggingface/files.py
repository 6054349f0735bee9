"""A folder of Hugging Face's on disk: JSON files and safetensors, nothing that runs code."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regard.errors import CheckpointError, UnsupportedError
from regard.files import read_json

if TYPE_CHECKING:
    from torch import Tensor

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")
WHOLE_COPY = "take a whole copy of the folder"


@dataclass(frozen=True, slots=True)
class HubFolder:
    """An opened folder: its config, and how it wants to generate."""

    path: Path
    config: Mapping[str, Any]
    generation: Mapping[str, Any]  # of the config too, where older models keep it

    @classmethod
    def open(cls, path: Path) -> "HubFolder":
        """Open a folder.

        Raises CheckpointError if it has no config or a damaged one.
        """
        if not path.exists():
            raise CheckpointError("does not exist", where=str(path), hint="give the folder of a model")
        if not (path / "config.json").is_file():
            hint = "give a folder with config.json and model.safetensors"
            raise CheckpointError("is no folder of Hugging Face's", where=str(path), hint=hint)
        config = read_table(path / "config.json")
        own = path / "generation_config.json"
        return cls(path, config, {**config, **(read_table(own) if own.is_file() else {})})

    def setting(self, name: str, kind: type, *, default: Any = None) -> Any:
        """Return a setting of the config.

        Raises CheckpointError if it is missing, or not of that kind.
        """
        value = self.config.get(name, default)
        if kind is float and type(value) is int:
            value = float(value)
        if type(value) is not kind:
            problem = "is missing" if value is None else f"is {value!r}"
            raise CheckpointError(f"{name} {problem}", where=str(self.path / "config.json"), hint=WHOLE_COPY)
        return value

    def optional(self, name: str) -> Mapping[str, Any]:
        """Return the object in a JSON file, or an empty one if there is no such file."""
        file = self.path / name
        return read_table(file) if file.is_file() else {}

    def tensors(self) -> "dict[str, Tensor]":
        """Return all weights, in float32.

        Raises UnsupportedError if there are but pickles, CheckpointError if files are missing or damaged.
        """
        from regard.interop.huggingface.weights import load

        tensors: dict[str, Tensor] = {}
        for file in self._shards():
            tensors |= load(file)
        return tensors

    def _shards(self) -> list[Path]:
        if (self.path / WEIGHTS).is_file():
            return [self.path / WEIGHTS]
        if (self.path / INDEX).is_file():
            shards = read_table(self.path / INDEX).get("weight_map")
            names = sorted(set(shards.values())) if isinstance(shards, Mapping) else []
            if not names or any(not isinstance(name, str) or Path(name).name != name for name in names):
                raise CheckpointError("is damaged", where=str(self.path / INDEX), hint=WHOLE_COPY)
            return [self.path / name for name in names]
        pickles = sorted(file.name for pattern in PICKLES for file in self.path.glob(pattern))
        if pickles:
            hint = "convert it to safetensors first; a pickle can run code, and is never opened here"
            raise UnsupportedError("weights are a pickle", where=str(self.path / pickles[0]), hint=hint)
        raise CheckpointError("is missing", where=str(self.path / WEIGHTS), hint=WHOLE_COPY)


def read_table(path: Path) -> dict[str, Any]:
    """Read a JSON file that holds an object.

    Raises CheckpointError if it is missing or damaged.
    """
    values = read_json(path)
    if not isinstance(values, dict):
        raise CheckpointError("holds no JSON object", where=str(path), hint=WHOLE_COPY)
    return values
