"""Models run by ONNX Runtime: two graphs, with our own search over them in torch. So it has all that search has."""

from collections.abc import Sequence
from typing import ClassVar

from regard.errors import UnsupportedError
from regard.inference.engine import precision_of
from regard.inference.exported import exported
from regard.inference.torch_engine import TorchEngine, check_same_vocabularies, use_threads
from regard.interop.onnx.graphs import STEP
from regard.interop.onnx.runtime import OnnxModel
from regard.model_folder import ModelFolder


class OnnxEngine(TorchEngine):
    """Runs one Transformer, or the mean of several."""

    name: ClassVar[str] = "onnx"

    @classmethod
    def load(
        cls,
        folders: Sequence[ModelFolder],
        *,
        threads: int | None = None,
        device: str = "cpu",
        precision: str | None = None,
    ) -> "OnnxEngine":
        precision_of(cls.name, precision, ("float32",))
        if device != "cpu":
            hint = "use engine 'torch'"
            raise UnsupportedError(f"device {device!r}: not supported", where=f"engine {cls.name!r}", hint=hint)
        use_threads(threads)
        check_same_vocabularies(folders)
        return cls([_model(folder, threads) for folder in folders], folders[0].sides)


def _model(folder: ModelFolder, threads: int | None) -> OnnxModel:
    with exported(folder, "onnx", STEP) as path:
        return OnnxModel(path, threads=threads)
