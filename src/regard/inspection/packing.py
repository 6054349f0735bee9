"""Maps as text that a page can hold: a byte for each weight, deflated, in base64.

A byte is 255 · √weight, which is fine near zero where most weights are. What that rounds off fits into a second byte.
"""

import base64
import zlib

import numpy as np
from jaxtyping import Float, Int8, UInt8

FINE = 254
"""Parts that the step between two bytes is cut into: the rest is a signed byte."""


def deflated(values: np.ndarray) -> str:
    """Return the bytes of an array, deflated (RFC 1950), in base64."""
    return base64.b64encode(zlib.compress(np.ascontiguousarray(values).tobytes(), level=9)).decode("ascii")


def coarse(weights: Float[np.ndarray, "..."]) -> UInt8[np.ndarray, "..."]:
    """Return weights, from 0 to 1, as bytes."""
    return np.rint(_root(weights)).astype(np.uint8)


def rest(weights: Float[np.ndarray, "..."]) -> Int8[np.ndarray, "..."]:
    """Return what the bytes of `coarse` round off, in parts of a step."""
    root = _root(weights)
    return np.rint((root - np.rint(root)) * FINE).astype(np.int8)


def pooled(values: UInt8[np.ndarray, "... Q K"], most: int) -> tuple[UInt8[np.ndarray, "... q k"], int]:
    """Return the largest of each square of values, so that no side has more than `most`, and the side of a square."""
    queries, keys = values.shape[-2:]
    side = -(-max(queries, keys) // most)
    rows, columns = -(-queries // side), -(-keys // side)
    padding = [(0, 0)] * (values.ndim - 2) + [(0, rows * side - queries), (0, columns * side - keys)]
    squares = np.pad(values, padding).reshape(*values.shape[:-2], rows, side, columns, side)
    return squares.max(axis=(-3, -1)), side


def in_steps(vectors: Float[np.ndarray, "H T D"]) -> tuple[Int8[np.ndarray, "H T D"], list[float]]:
    """Return the vectors of heads as whole steps from -127 to 127, and how much a step of each head is."""
    steps = np.abs(vectors).max(axis=(1, 2), initial=0.0) / 127
    whole = np.rint(vectors / np.where(steps > 0, steps, 1.0)[:, None, None])
    return whole.astype(np.int8), [float(f"{step:.5g}") for step in steps]


def _root(weights: np.ndarray) -> np.ndarray:
    return np.sqrt(np.clip(weights.astype(np.float64), 0, 1)) * 255
