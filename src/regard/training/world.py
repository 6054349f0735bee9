"""Several processes that train one model: torchrun starts them, each learns from its part of every batch.

Batches, dropout masks and their order are those of one process, so that results are the same to rounding.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from regard.data.batch import Batch

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class World:
    """One process, alone."""

    rank: int = 0
    size: int = 1

    def part(self, batch: Batch) -> tuple[Batch, int]:
        """Return this process's sentences of a batch, and how many come before them."""
        return batch, 0

    def total(self, tensor: Tensor) -> Tensor:
        """Return the sum of a tensor over all processes, in float32 at least; alone, the tensor itself."""
        return tensor

    def from_first(self, make: Callable[[], T]) -> T:
        """Return what `make` gives in the first process, where alone it is called: numbers, texts, lists, tables."""
        return make()

    @contextmanager
    def in_turn(self) -> Iterator[None]:
        """Let the first process go through a block before the others do: it makes what they find there."""
        if self.rank:
            self.from_first(lambda: None)
        yield
        if self.rank == 0:
            self.from_first(lambda: None)


class Together(World):
    """One of several processes."""

    def part(self, batch: Batch) -> tuple[Batch, int]:
        first, last = (len(batch.target_out) * edge // self.size for edge in (self.rank, self.rank + 1))
        return batch.rows(slice(first, last)), first

    def total(self, tensor: Tensor) -> Tensor:
        found = tensor.to(torch.promote_types(tensor.dtype, torch.float32), copy=True)
        torch.distributed.all_reduce(found)
        return found

    def from_first(self, make: Callable[[], T]) -> T:
        text = json.dumps(make()).encode() if self.rank == 0 else b""
        length = torch.tensor([len(text)])
        torch.distributed.broadcast(length, 0)
        letters = torch.zeros(int(length), dtype=torch.uint8)
        if self.rank == 0:
            letters.copy_(torch.frombuffer(bytearray(text), dtype=torch.uint8))
        torch.distributed.broadcast(letters, 0)
        found: T = json.loads(letters.numpy().tobytes())
        return found


def join() -> World:
    """Meet the other processes of a torchrun; without one, stay alone."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1 or not torch.distributed.is_available():
        return World()
    if not torch.distributed.is_initialized():
        if torch.cuda.is_available():
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        torch.distributed.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo")
    return Together(torch.distributed.get_rank(), torch.distributed.get_world_size())


def leave(world: World) -> None:
    """Part from the other processes in order; those who just end are taken for crashed."""
    if world.size > 1 and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def processes_here() -> int:
    """Return how many processes share this machine."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
