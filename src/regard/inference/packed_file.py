"""Packed weights kept beside the model they were made from, so that they are mapped instead of made; no torch.

The file says for which weights it was made and what its own bytes come to; one that is for others, or damaged, is made
again. A model folder that cannot be written is used without it.
"""

import hashlib
import mmap
import os
from contextlib import suppress
from pathlib import Path

from regard.errors import RegardError
from regard.files import write_bytes

FORMAT = 1
"""Of the layout; a file with another is made again."""

HEADER = 256
"""Bytes before the packed weights."""


def open_packed(path: Path, weights: str, size: int) -> mmap.mmap | None:
    """Map the file made for weights with this SHA-256, of `size` bytes when packed; None if there is no such file."""
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size != HEADER + size:
                return None
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    except (OSError, ValueError):
        return None
    with memoryview(mapped) as whole, whole[HEADER:] as data:
        as_written = mapped[:HEADER] == _header(weights, data)
    return mapped if as_written else None


def save_packed(path: Path, weights: str, data: mmap.mmap, size: int) -> None:
    """Write what was packed, unless the place cannot be written."""
    packed = data[:size]
    with suppress(RegardError, OSError):
        write_bytes(path, _header(weights, packed) + packed)


def _header(weights: str, data: bytes | memoryview) -> bytes:
    line = f"regard packed weights {FORMAT} of {weights}: {hashlib.sha256(data).hexdigest()}\n"
    return line.encode().ljust(HEADER)
