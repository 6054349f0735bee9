"""How many numbers a model has, read from its file: nothing is loaded, no torch is needed."""

import math
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from regard.errors import CheckpointError

PARTS = ("embeddings", "encoder", "decoder", "output")
"""Of every family; another one may have more."""

TABLES = ("embeddings", "ngrams", "output")
"""Those that grow with the vocabulary."""

Shape = tuple[int, ...]


def tensor_shapes(path: Path) -> dict[str, Shape]:
    """Return the shape of every tensor in a safetensors file.

    Raises CheckpointError if the file is missing or damaged.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"cannot be read: {error}", where=str(path), hint="take a whole copy") from None


def parameters_by_part(shapes: Mapping[str, Shape]) -> dict[str, int]:
    """Return how many numbers each part of a model has: PARTS, then any others.

    A matrix that embeddings and output share counts once, with the embeddings.
    """
    counts = Counter(dict.fromkeys(PARTS, 0))
    for name, shape in shapes.items():
        part = "output" if name.startswith("embeddings.output_") else name.partition(".")[0]
        counts[part] += math.prod(shape)
    return dict(counts)


def without_embeddings(parts: Mapping[str, int]) -> int:
    """Return how many numbers do not grow with the vocabulary."""
    return sum(count for part, count in parts.items() if part not in TABLES)
