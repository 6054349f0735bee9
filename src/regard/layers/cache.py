"""Keys and values kept between decoding steps.

Axes    R rows (hypotheses) · H heads · T positions so far · D head size
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True, slots=True)
class KeysValues:
    """What queries are compared with, and what they average."""

    keys: Float[Tensor, "R H T D"]
    values: Float[Tensor, "R H T D"]

    def select(self, rows: Int[Tensor, " R"]) -> "KeysValues":
        """Return the given rows, in that order."""
        return KeysValues(self.keys.index_select(0, rows), self.values.index_select(0, rows))


class NoCache:
    """Nothing came before: the whole sequence is at hand, as in training."""

    length = 0

    def append(self, new: KeysValues) -> KeysValues:
        """Return what is new: it is all there is."""
        return new


class KeyValueCache:
    """Keys and values of the positions so far, in a buffer with room for those to come.

    A state is stepped once, so `advance` may give the buffer on to the next state, which writes behind the last
    position without copying; when the buffer is full, it doubles.
    """

    def __init__(self, buffer: Tensor | None = None, length: int = 0) -> None:
        self._buffer = buffer  # 2 R H room D: keys, values
        self.length = length

    def advance(self) -> "KeyValueCache":
        """Return the cache for the next step."""
        return KeyValueCache(self._buffer, self.length)

    def append(self, new: KeysValues) -> KeysValues:
        """Add positions and return all of them."""
        after = self.length + new.keys.size(2)
        if self._buffer is None or self._buffer.size(3) < after:
            self._buffer = self._grown(new.keys, max(16, 2 * after))
        self._buffer[0, :, :, self.length : after] = new.keys
        self._buffer[1, :, :, self.length : after] = new.values
        self.length = after
        return KeysValues(self._buffer[0, :, :, :after], self._buffer[1, :, :, :after])

    def _grown(self, like: Tensor, room: int) -> Tensor:
        rows, heads, _, d_head = like.shape
        buffer = like.new_zeros(2, rows, heads, room, d_head)
        if self._buffer is not None:
            buffer[:, :, :, : self.length] = self._buffer[:, :, :, : self.length]
        return buffer

    def select(self, rows: Int[Tensor, " R"]) -> "KeyValueCache":
        """Return the cache of the given rows, in that order."""
        if self._buffer is None:
            return self
        buffer = self._buffer.new_empty(2, len(rows), *self._buffer.shape[2:])
        torch.index_select(self._buffer[:, :, :, : self.length], 1, rows, out=buffer[:, :, :, : self.length])
        return KeyValueCache(buffer, self.length)
