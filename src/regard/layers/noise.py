"""Random numbers of a training: every dropout mask is a function of (seed, step, call).

The n-th call within `Noise.at(step)` has the same mask whatever was drawn before, so that a resumed run repeats an
uninterrupted one bit for bit.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

_MIX = 0xFFFFFFFFFFFFFFFF


def mix(*numbers: int) -> int:
    """Return a well-mixed 64-bit number that depends on all the given ones, in order (splitmix64)."""
    state = 0
    for number in numbers:
        state = (state + number + 0x9E3779B97F4A7C15) & _MIX
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MIX
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & _MIX
        state ^= state >> 31
    return state


@dataclass(frozen=True, slots=True)
class Bits:
    """Which bits of a pool say what a call of dropout keeps; without a pool it keeps all."""

    pool: Tensor | None = None
    first: int = 0
    p: float = 0.0


class Noise:
    """Dropout masks of a training, cut out of a pool that is drawn once.

    Drawing a mask costs more than the matrix products around it on a CPU; reading one at a random place of a pool
    costs one pass over memory. The pool starts at `_PLACES` numbers and grows in blocks that depend on their index
    alone, so that a mask never depends on which sizes were asked for before.
    """

    _BLOCK, _PLACES, _ALIGN = 1 << 20, 1 << 22, 64
    _SPARE = 128  # bits beyond the last that may be read with it

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._pools: dict[tuple[float, torch.dtype, torch.device], Tensor] = {}
        self._packed: dict[float, Tensor] = {}
        self._step = self._call = 0
        self._share = (0, 1)

    @contextmanager
    def at(self, step: int, part: int = 0, share: tuple[int, int] = (0, 1)) -> Iterator[None]:
        """Open the masks of a step; `part` tells apart the passes of one step.

        Who learns from a share of a batch says how many of its sentences come before and how many are theirs: masks
        are then those that the whole batch has there. Sentences are the first axis of what is dropped from.
        """
        self._step, self._call, self._share = mix(step, part), 0, share
        token = _noise.set(self)
        try:
            yield
        finally:
            _noise.reset(token)

    def mask(self, like: Tensor, p: float) -> Tensor:
        """Return 0 with probability p and else 1 / (1 - p), in the shape and type of `like`."""
        first = self._place(like.numel())
        last = first + like.numel()
        return self._pool(p, like.dtype, like.device, last)[first:last].view(like.shape)

    def bits(self, count: int, p: float) -> Bits:
        """Return the same mask for so many entries as bits, 1 for what is kept."""
        first = self._place(count)
        pool = self._packed.get(p, torch.empty(0, dtype=torch.uint8))
        if len(pool) * 8 < first + count + self._SPARE:
            blocks = range(max(-(-(first + count + self._SPARE) // self._BLOCK), self._PLACES // self._BLOCK + 1))
            packed = [np.packbits(self._kept(p, index).numpy(), bitorder="little") for index in blocks]
            self._packed[p] = pool = torch.from_numpy(np.concatenate(packed))
        return Bits(pool, first, p)

    def _place(self, count: int) -> int:
        self._call += 1
        before, own = self._share
        start = mix(self.seed, self._step, self._call) % (self._PLACES // self._ALIGN) * self._ALIGN
        return start + count // own * before

    def _pool(self, p: float, dtype: torch.dtype, device: torch.device, length: int) -> Tensor:
        key = (p, dtype, device)
        pool = self._pools.get(key, torch.empty(0, dtype=dtype, device=device))
        if len(pool) < length:
            blocks = range(len(pool) // self._BLOCK, max(-(-length // self._BLOCK), self._PLACES // self._BLOCK + 1))
            pool = torch.cat([pool, *(self._block(p, index).to(device, dtype) for index in blocks)])
            self._pools[key] = pool
        return pool

    def _block(self, p: float, index: int) -> Tensor:
        return self._kept(p, index).float() / (1.0 - p)

    def _kept(self, p: float, index: int) -> Tensor:
        generator = torch.Generator().manual_seed(mix(self.seed, index) & 0x7FFFFFFFFFFFFFFF)
        return torch.rand(self._BLOCK, generator=generator) >= p


_noise: ContextVar[Noise] = ContextVar("noise")


def _open() -> Noise:
    try:
        return _noise.get()
    except LookupError:
        raise RuntimeError("dropout needs an open step: `with Noise(seed).at(step): ...`, or model.eval()") from None


def mask(like: Tensor, p: float) -> Tensor:
    """Return the mask of the next call of dropout, in the shape and type of `like`: 0, or what to scale up by."""
    return _open().mask(like, p)


def bits(count: int, p: float) -> Bits:
    """Return the same as bits of a pool, 1 for what is kept."""
    return _open().bits(count, p) if p else Bits()
