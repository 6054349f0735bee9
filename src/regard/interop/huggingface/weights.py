"""Tensors of theirs and ours: files, names, and features in another order.

Axes    M model size · V vocabulary
Order   the paper's sines and cosines take turns, theirs stand one half after the other. Nothing else in a Transformer
        knows features by their number, so that a reordered model with reordered positions is the same model.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from regard.errors import CheckpointError, UnsupportedError

COLUMNS = re.compile(r"(\.(query|key|value|widen|gate)\.weight|table)$")
"""Our matrices whose columns are features of the model."""

ROWS = re.compile(r"\.(output|narrow|norm|final|entrance)\.(weight|bias)$")
"""Our matrices and vectors whose rows are."""


def load(file: Path) -> dict[str, Tensor]:
    """Read a safetensors file, in float32.

    Raises CheckpointError if it is missing or damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return {name: tensor.float() for name, tensor in load_file(file).items()}
    except (OSError, SafetensorError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise CheckpointError(f"cannot be read: {reason}", where=str(file), hint="take a whole copy") from None


def taking_turns(d_model: int) -> Tensor:
    """Return the order that makes halves of sines and cosines take turns."""
    return torch.cat((torch.arange(0, d_model, 2), torch.arange(1, d_model, 2))).argsort()


def reordered(name: str, tensor: Tensor, order: Tensor) -> Tensor:
    """Return a tensor of our name with the features of the model in that order.

    One of another size than the config says is left as it is, to be refused for its shape.
    """
    axis = -1 if COLUMNS.search(name) else 0 if ROWS.search(name) else None
    if axis is None or tensor.size(axis) != len(order):
        return tensor
    return tensor.index_select(axis, order)


class Taken:
    """Tensors of theirs that are taken one by one, so that none is forgotten."""

    def __init__(self, tensors: Mapping[str, Tensor], where: str) -> None:
        self._left, self._where = dict(tensors), where

    def one(self, *names: str) -> Tensor:
        """Take the first that is there of several names for the same; the others are copies.

        Raises CheckpointError if there is none.
        """
        found = [self._left.pop(name) for name in names if name in self._left]
        if not found:
            raise CheckpointError(f"has no {names[0]}", where=self._where, hint="take a whole copy of the folder")
        return found[0]

    def has(self, name: str) -> bool:
        """Tell whether a tensor is there and has not been taken."""
        return name in self._left

    def ignore(self, names: Iterable[str]) -> None:
        """Take what can be computed."""
        for name in names:
            self._left.pop(name, None)

    def nothing_left(self) -> None:
        """Raise UnsupportedError if a tensor was not taken."""
        if self._left:
            names = ", ".join(sorted(self._left)[:3])
            hint = "the model has parts that regard has not"
            raise UnsupportedError(f"{len(self._left)} tensors have no place: {names}", where=self._where, hint=hint)


def rows_of(table: Tensor, rows: Sequence[int], where: str) -> Tensor:
    """Return rows (V M) or entries (V) by their number.

    Raises CheckpointError if there are fewer.
    """
    if max(rows) >= len(table):
        problem = f"has {len(table)} embeddings, and the vocabulary {max(rows) + 1} entries"
        raise CheckpointError(problem, where=where, hint="take a whole copy of the folder")
    return table[torch.tensor(rows)]
