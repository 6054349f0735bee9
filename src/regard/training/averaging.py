"""Means of weights: over the last validations, or running over all steps."""

import shutil
from pathlib import Path

import torch
from torch import Tensor

from regard.errors import writing
from regard.training.weights import Weights


class RunningMean:
    """Exponential moving average of the weights (Polyak averaging), less biased at the start.

    The decay grows with the step, (1 + step) / (10 + step) at most, so that early weights are soon forgotten.
    """

    def __init__(self, weights: Weights, decay: float) -> None:
        self.decay, self.vector = decay, weights.master.clone()

    def update(self, weights: Weights, step: int) -> None:
        """Take in the weights after a step."""
        self.vector.lerp_(weights.master, 1 - min(self.decay, (1 + step) / (10 + step)))


class Snapshots:
    """The weights at the last few validations, on disk, for their mean (Vaswani et al. 2017, section 6.1)."""

    def __init__(self, folder: Path, keep: int) -> None:
        self.folder, self.keep = folder, keep

    def __len__(self) -> int:
        return len(self._files())

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("*.safetensors"))

    def add(self, weights: Weights, step: int) -> None:
        """Keep the weights of this step and forget the oldest."""
        from safetensors.torch import save

        from regard.files import write_bytes

        self.folder.mkdir(exist_ok=True)
        write_bytes(self.folder / f"{step:09d}.safetensors", save({"weights": weights.master}))
        for file in self._files()[: -self.keep]:
            file.unlink()

    def rewind(self, step: int) -> None:
        """Forget what was kept after `step`."""
        for file in self._files():
            if int(file.stem) > step:
                file.unlink()

    def mean(self) -> Tensor | None:
        """Return the mean of what is kept, or None if there are fewer than two."""
        from safetensors.torch import load_file

        files = self._files()
        if len(files) < 2:
            return None
        total = torch.zeros_like(load_file(files[0])["weights"], dtype=torch.float64)
        for file in files:
            total += load_file(file)["weights"]
        return (total / len(files)).float()

    def remove(self) -> None:
        """Delete all that is kept."""
        gone = self.folder.with_name(f".{self.folder.name}.old")  # so that they go all at once
        with writing(self.folder):
            shutil.rmtree(gone, ignore_errors=True)
            if self.folder.exists():
                self.folder.rename(gone)
                shutil.rmtree(gone, ignore_errors=True)
