"""Maps and traces as files of numbers: CSV for one map, NPZ for all heads; no pickle in either."""

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np

from regard.files import write_bytes
from regard.inspection.maps import AttentionMap
from regard.inspection.trace import AttentionTrace


def write_csv(path: Path, found: AttentionMap) -> None:
    """Write a map, a line for each cell: row, column, their texts, and the number."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(["row", "column", "target", "source", "value"])
    for i, row in enumerate(found.rows):
        for j, column in enumerate(found.columns):
            lines.writerow([i, j, row, column, f"{found.weights[i, j]:.6g}"])
    write_bytes(path, text.getvalue().encode())


def write_npz(path: Path, trace: AttentionTrace) -> None:
    """Write all heads: an array (layers heads queries keys) of each kind that the model has, and the tokens."""
    arrays: dict[str, Any] = {"measure": np.array(trace.measure)}
    kinds = {kind: layers for kind, layers in trace.layers.items() if layers}
    arrays |= {kind: np.stack([layer.float().numpy() for layer in layers]) for kind, layers in kinds.items()}
    arrays |= {name: np.array(getattr(trace, name)) for name in ("source", "target_in", "target_out")}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    write_bytes(path, buffer.getvalue())
