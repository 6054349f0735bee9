"""The tensors of a safetensors file as they lie on disk: mapped into memory, checked, not copied; no torch.

Source  the format's own description: eight bytes that count those of a JSON header, the header, the data
"""

import ctypes
import json
import math
import mmap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regard.errors import CheckpointError


@dataclass(frozen=True, slots=True)
class MappedTensor:
    """Where a float32 tensor lies in memory."""

    shape: tuple[int, ...]
    address: int

    @property
    def size(self) -> int:
        """Return the number of its entries."""
        return math.prod(self.shape)


class MappedTensors:
    """All tensors of a file, which stay valid as long as this object lives."""

    def __init__(self, path: Path) -> None:
        """Map a file.

        Raises CheckpointError if it cannot be read or its header does not describe what is in it.
        """
        self.path = path
        try:
            with path.open("rb") as file:
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        except (OSError, ValueError) as error:
            raise self.damaged(str(error)) from None
        self._start = ctypes.addressof(ctypes.c_char.from_buffer(self._map))
        self.tensors = self._read()

    def damaged(self, problem: str) -> CheckpointError:
        """Return the error to raise for this file."""
        return CheckpointError(
            f"cannot be read: {problem}", where=str(self.path), hint="take a whole copy of the model folder"
        )

    def get(self, name: str, *shape: int) -> MappedTensor:
        """Return a tensor.

        Raises CheckpointError unless it is there and has this shape.
        """
        tensor = self.tensors.get(name)
        if tensor is None:
            raise self.damaged(f"has no {name}")
        if tensor.shape != shape:
            raise self.damaged(f"{name} is {list(tensor.shape)}, not {list(shape)}")
        return tensor

    def forget(self) -> None:
        """Let the system take back the memory that reading has filled; tensors stay readable."""
        if hasattr(mmap, "MADV_DONTNEED"):
            self._map.madvise(mmap.MADV_DONTNEED)

    def _read(self) -> dict[str, MappedTensor]:
        total = len(self._map)
        size = int.from_bytes(self._map[:8], "little")
        if total < 8 or size > total - 8:
            raise self.damaged("is shorter than its header says")
        try:
            header = json.loads(self._map[8 : 8 + size].decode())
        except (UnicodeDecodeError, json.JSONDecodeError, RecursionError):
            raise self.damaged("has a damaged header") from None
        if not isinstance(header, dict):
            raise self.damaged("has a damaged header")
        entries = {name: entry for name, entry in header.items() if name != "__metadata__"}
        return {name: self._tensor(name, entry, 8 + size, total) for name, entry in entries.items()}

    def _tensor(self, name: str, entry: Any, data: int, total: int) -> MappedTensor:
        entry = entry if isinstance(entry, dict) else {}
        shape, offsets = _counts(entry.get("shape")), _counts(entry.get("data_offsets"))
        if shape is None or offsets is None or len(offsets) != 2 or entry.get("dtype") != "F32":
            raise self.damaged(f"has a damaged header at {name!r}")
        begin, end = offsets
        if end > total - data or end - begin != 4 * math.prod(shape) or begin % 4:
            raise self.damaged(f"{name} is not within the file")
        return MappedTensor(tuple(shape), self._start + data + begin)


def _counts(value: Any) -> list[int] | None:
    """Return the value if it is a list of numbers that can count bytes."""
    fine = isinstance(value, list) and all(type(number) is int and 0 <= number < 2**48 for number in value)
    return value if fine else None
