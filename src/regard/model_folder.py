"""A trained model on disk: all that translating needs, in one folder, and nothing that runs code.

    manifest.json        format, and the SHA-256 of every other file
    config.toml          model, text and decoding settings, defaults included
    shared/ | source/ target/    tokenizer and vocabulary
    model.safetensors    weights in float32, without time stamps or host facts

Reading it imports torch only when the model itself is built.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tomli_w

from regard.config import from_mapping, read_toml, to_mapping, variant
from regard.decoding import SEARCHES
from regard.decoding.types import BeamConfig, DecodingConfig
from regard.errors import CheckpointError, ConfigError, ResourceError
from regard.files import inode, new_folder, read_json, sha256, standing, write_json, write_text
from regard.models import MODELS
from regard.models.configs import ModelConfig, TransformerConfig
from regard.text.sides import Sides, TextConfig

if TYPE_CHECKING:
    from torch import Tensor

    from regard.models.base import Seq2SeqModel

WEIGHTS = "model.safetensors"

FORMAT = 1
"""Version of the folder's layout; a reader refuses what is newer than itself."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelSettings:
    """The settings that a model folder keeps."""

    model: ModelConfig = variant(MODELS, TransformerConfig())
    text: TextConfig = field(default_factory=TextConfig)
    decoding: DecodingConfig = variant(SEARCHES, BeamConfig())


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """An opened model folder."""

    path: Path
    settings: ModelSettings
    sides: Sides

    @classmethod
    def open(cls, path: str | Path, *, weights: bool = True) -> "ModelFolder":
        """Open and check a model folder; of a run folder, its best model. Without `weights` these are not checked yet.

        A training may put another model in its place meanwhile; then that one is opened.
        Raises CheckpointError if there is none, or if a file is missing, damaged or of a newer format.
        """
        while True:
            folder = find_model(Path(path))
            found = inode(folder)
            try:
                return cls._read(folder, weights=weights)
            except (CheckpointError, OSError):  # damaged, or gone: unless it is no longer the same
                if inode(folder) == found:
                    raise

    @classmethod
    def _read(cls, folder: Path, *, weights: bool) -> "ModelFolder":
        check_manifest(folder, besides=() if weights else (WEIGHTS,))
        try:
            settings = from_mapping(ModelSettings, read_toml(folder / "config.toml"))
        except ConfigError as error:
            hint = "it was made by another version of regard"
            raise CheckpointError(str(error), where=str(folder / "config.toml"), hint=hint) from None
        return cls(folder, settings, Sides.load(folder))

    def load_model(self) -> "Seq2SeqModel":
        """Build the model and load its weights, ready for inference on the CPU.

        Raises CheckpointError if the weights are damaged or do not fit the config.
        """
        from regard.models.base import build_model

        self.check_weights()
        model = build_model(self.settings.model, *self.sizes)
        load_weights(model, self.path / WEIGHTS)
        return model.eval()

    @property
    def sizes(self) -> tuple[int, int]:
        """Return how many entries the vocabularies of source and target have."""
        return len(self.sides.source.vocabulary), len(self.sides.target.vocabulary)

    @property
    def weights_checksum(self) -> str:
        """Return the SHA-256 that the weights should have."""
        return str(read_manifest(self.path).get(WEIGHTS))

    def check_weights(self) -> None:
        """Compare the weights with their checksum.

        Raises CheckpointError if they are missing or damaged.
        """
        check_file(self.path / WEIGHTS, self.weights_checksum)


def find_model(path: Path) -> Path:
    """Return the model folder that `path` is, or the best model of the run that it is.

    Raises CheckpointError with what to do if there is neither.
    """
    for candidate in map(standing, (path, path / "best", path / "last")):
        if (candidate / "manifest.json").is_file():
            return candidate
    if not path.exists():
        raise CheckpointError("does not exist", where=str(path), hint="give the folder of a run or of a model")
    if (path / "config.toml").is_file():
        raise CheckpointError("has no model yet", where=str(path), hint=f"regard train --resume --out {path}")
    raise CheckpointError("is no run and no model folder", where=str(path), hint="regard train makes one")


def check_manifest(folder: Path, besides: Collection[str] = ()) -> None:
    """Compare every file, but those `besides`, with the checksum in the manifest.

    Raises CheckpointError naming the first file that is missing or differs.
    """
    for name, expected in read_manifest(folder).items():
        if name not in besides:
            check_file(folder / name, expected)


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the checksum of every file of a model folder.

    Raises CheckpointError if the manifest is damaged or of another format.
    """
    manifest = read_json(folder / "manifest.json")
    if not isinstance(manifest, dict) or not isinstance(manifest.get("files"), dict):
        raise CheckpointError("is damaged", where=str(folder / "manifest.json"), hint="take a whole copy")
    if manifest.get("format") != FORMAT:
        found = manifest.get("format")
        raise CheckpointError(f"has format {found!r}, not {FORMAT}", where=str(folder), hint="update regard")
    files: dict[str, Any] = manifest["files"]
    return files


def check_file(file: Path, expected: str) -> None:
    """Compare a file with its checksum.

    Raises CheckpointError if it is missing or differs.
    """
    if not file.is_file():
        raise CheckpointError("is missing", where=str(file), hint="take a whole copy of the model folder")
    if sha256(file) != expected:
        raise CheckpointError("is damaged: its checksum differs", where=str(file), hint="take a whole copy")


def save_model_folder(path: Path, settings: ModelSettings, sides: Sides, weights: "dict[str, Tensor]") -> None:
    """Write a model folder, whole or not at all; the same model gives the same bytes.

    Raises ResourceError if the disk is full.
    """
    with new_folder(path) as folder:
        fill_model_folder(folder, settings, sides, weights)


def fill_model_folder(folder: Path, settings: ModelSettings, sides: Sides, weights: "dict[str, Tensor]") -> None:
    """Write the files of a model into an empty folder."""
    tensors = {name: tensor.detach().float().contiguous().clone() for name, tensor in weights.items()}
    save_tensors(folder / WEIGHTS, tensors)
    write_description(folder, settings, sides)


def write_description(folder: Path, settings: ModelSettings, sides: Sides) -> None:
    """Write all but the weights into a folder that has those already, whatever their form; the manifest names all."""
    write_text(folder / "config.toml", tomli_w.dumps(to_mapping(settings)))
    sides.save(folder)
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    sums = {file.relative_to(folder).as_posix(): sha256(file) for file in files}
    write_json(folder / "manifest.json", {"format": FORMAT, "files": sums})


def save_tensors(path: Path, tensors: "dict[str, Tensor]", form: str = "regard") -> None:
    """Write tensors as a safetensors file; `form` says whose names they have.

    Raises ResourceError if the disk is full.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    try:
        save_file(tensors, path, metadata={"format": form})
    except SafetensorError as error:
        hint = "free some space and run the same command again; what was saved before is whole"
        raise ResourceError(f"cannot be written: {error}", where=str(path), hint=hint) from None
    path.chmod(0o644)  # the library makes files that only their owner can read


def load_weights(model: Any, path: Path) -> None:
    """Copy the tensors of a safetensors file into a model of the same shape.

    Raises CheckpointError if the file is damaged, or names and shapes differ.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"cannot be read: {error}", where=str(path), hint="take a whole copy") from None
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        problem = " ".join(str(error).split())[:300]
        raise CheckpointError(f"does not fit the model: {problem}", where=str(path), hint="see config.toml") from None
