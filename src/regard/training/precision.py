"""How this machine computes best: threads, allocator, float32 or bfloat16. Measured once a run, then kept."""

import ctypes
import os
import sys
import time
from dataclasses import dataclass
from functools import cache

import torch

from regard.native.library import native
from regard.training.configs import TrainingConfig
from regard.training.progress import resident_memory
from regard.training.world import processes_here

_GAIN = 2.0
"""How many times faster bfloat16 products must be: below it, what surrounds them eats the gain."""
_PATIENCE = 0.2
"""Seconds for trying products of one type: some processors take as long for a single one in bfloat16."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Precision:
    """The choices of a run, all of which decide its exact result."""

    dtype: str  # "float32" or "bfloat16"
    threads: int
    device: str
    reason: str
    instructions: str = "none"  # of the native kernels

    @property
    def torch_dtype(self) -> torch.dtype:
        """Type of weights, activations and gradients; the masters are always float32."""
        return torch.bfloat16 if self.dtype == "bfloat16" else torch.float32


def keep_memory() -> bool:
    """Ask glibc to keep freed memory for the next step instead of giving it back; return whether it is there.

    Without this every step maps and clears its big buffers anew, which costs as much as the arithmetic.
    """
    if sys.platform != "linux" or os.environ.get("LD_PRELOAD"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    trim_threshold, top_pad, mmap_max = -1, -2, -4
    settings = ((mmap_max, 0), (trim_threshold, 2**31 - 1), (top_pad, 64 << 20))
    return all(mallopt(name, value) for name, value in settings)


def choose(config: TrainingConfig, device: str = "cpu") -> Precision:
    """Decide how to compute, by a short measurement where the config leaves it open."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = config.threads or max(1, cores // processes_here())
    instructions = native().instructions
    if config.precision != "auto":
        how = {"dtype": config.precision, "reason": "as set", "instructions": instructions}
        return Precision(threads=threads, device=device, **how)
    torch.set_num_threads(threads)
    slow, fast = (_product_seconds(dtype, device, threads) for dtype in (torch.float32, torch.bfloat16))
    dtype = "bfloat16" if slow > _GAIN * fast else "float32"
    reason = f"bfloat16 products run at {slow / fast:.1f} times the speed of float32; worth it from {_GAIN}"
    return Precision(dtype=dtype, threads=threads, device=device, reason=reason, instructions=instructions)


def other_kernels(started: Precision) -> list[str]:
    """Say so if this machine computes with other instructions than those that a run was started with."""
    now = native().instructions
    if now == started.instructions:
        return []
    change = f"the run was started with native kernels for {started.instructions}, and goes on with those for {now}"
    return [f"{change}: results are the same to rounding, no longer bit for bit"]


@cache
def _product_seconds(dtype: torch.dtype, device: str, threads: int) -> float:
    """Return how long a product takes with so many threads, which torch has been told to use."""
    side = 512 if device == "cpu" else 4096  # enough that starting the product does not count
    a, b = (torch.ones(rows, side, dtype=dtype, device=device) for rows in (2 * side, side))
    times: list[float] = []
    while len(times) < 2 or (len(times) < 8 and sum(times) < _PATIENCE):
        start = time.perf_counter()
        float(torch.mm(a, b)[0, 0])  # a device answers before it is done; reading waits for it
        times.append(time.perf_counter() - start)
    return min(times)


def memory_in_use(device: str) -> int:
    """Return the bytes that this process holds where it computes: on the device, or else of the machine."""
    return resident_memory() if device == "cpu" else torch.get_device_module(device).memory_reserved(device)
