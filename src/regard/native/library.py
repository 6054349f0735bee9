"""The native library: found beside this file, loaded through ctypes, and described.

Everything works without it, slower. `REGARD_NATIVE` names an instruction set to use, or `off`.
"""

import ctypes
import os
from ctypes import POINTER, c_char_p, c_double, c_float, c_int, c_int64, c_void_p
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from regard.errors import ConfigError
from regard.native.build import NAME

VERSION = 7
"""Of the interface; a library with another one is left alone."""

SETS = ("amx", "avx512", "avx2", "portable")
"""Instruction sets, the fastest first."""

PATH = Path(__file__).with_name(NAME)
"""Where `build.py` leaves it."""


class Dropout(ctypes.Structure):
    """Which bits of a pool say what dropout keeps; no pool keeps everything."""

    _fields_ = (("pool", c_void_p), ("first", c_int64), ("scale", c_float))


class Strides(ctypes.Structure):
    """How far apart sentences, heads and positions of a tensor lie, in entries."""

    _fields_ = (("sentence", c_int64), ("head", c_int64), ("position", c_int64))


class Attention(ctypes.Structure):
    """One call of attention: sizes, tensors, and their gradients on the way back."""

    _fields_ = (
        *((name, c_int64) for name in ("type", "sentences", "heads", "queries", "keys", "features")),
        ("mask", c_void_p),
        ("causal", c_int64),
        ("scale", c_float),
        ("dropout", Dropout),
        *((name, c_void_p) for name in ("q", "k", "v")),
        *((f"{name}_strides", Strides) for name in ("q", "k", "v")),
        ("out", c_void_p),
        ("out_strides", Strides),
        ("peaks", c_void_p),
        *((f"grad_{name}", c_void_p) for name in ("q", "k", "v")),
        *((f"grad_{name}_strides", Strides) for name in ("q", "k", "v")),
    )


class ProjectedLoss(ctypes.Structure):
    """One call of the cross-entropy of a product that is never in memory."""

    _fields_ = (
        *((name, c_int64) for name in ("tokens", "columns", "entries")),
        *((name, c_void_p) for name in ("x", "weight", "bias", "targets")),
        ("ignored", c_int64),
        ("smoothing", c_float),
        *((name, c_void_p) for name in ("log_sums", "room")),
    )


class LinearMap(ctypes.Structure):
    """One of several linear maps of the same vectors."""

    _fields_ = (("rows", c_int64), *((name, c_void_p) for name in ("weight", "bias", "out", "sums", "bias_sums")))


def _function(*arguments: Any, returns: Any = None) -> Any:
    return ctypes.CFUNCTYPE(returns, *arguments)


_TYPE, _COUNT, _TENSOR, _FACTOR = c_int64, c_int64, c_void_p, c_float
_MASK, _STRIDES, _MAPS = POINTER(Dropout), POINTER(Strides), POINTER(LinearMap)


class Kernels(ctypes.Structure):
    """The kernels of one instruction set, as `src/table.h` lists them."""

    _fields_ = (
        ("dropout", _function(_TYPE, _COUNT, _TENSOR, _TENSOR, _MASK)),
        ("activation_forward", _function(_TYPE, c_int64, _COUNT, _TENSOR, _TENSOR, _MASK)),
        ("activation_backward", _function(_TYPE, c_int64, _COUNT, _TENSOR, _TENSOR, _TENSOR, _MASK)),
        ("swiglu_forward", _function(_TYPE, _COUNT, _TENSOR, _TENSOR, _TENSOR, _MASK)),
        ("swiglu_backward", _function(_TYPE, _COUNT, *[_TENSOR] * 5, _MASK)),
        (
            "norm_forward",
            _function(_TYPE, _COUNT, _COUNT, *[_TENSOR] * 4, _MASK, *[_TENSOR] * 2, _FACTOR, *[_TENSOR] * 2),
        ),
        ("norm_backward", _function(_TYPE, _COUNT, _COUNT, *[_TENSOR] * 6, _MASK, *[_TENSOR] * 4)),
        ("attention_forward", _function(POINTER(Attention))),
        ("attention_backward", _function(POINTER(Attention))),
        ("rotate", _function(_TYPE, *[_COUNT] * 4, _TENSOR, _STRIDES, _TENSOR, _STRIDES, _TENSOR, _FACTOR)),
        (
            "cross_entropy_forward",
            _function(_TYPE, _COUNT, _COUNT, _TENSOR, _TENSOR, c_int64, _FACTOR, _TENSOR, _TENSOR),
        ),
        (
            "cross_entropy_backward",
            _function(_TYPE, _COUNT, _COUNT, _TENSOR, _TENSOR, c_int64, _FACTOR, _FACTOR, _TENSOR),
        ),
        ("projected_loss_forward", _function(POINTER(ProjectedLoss), _TENSOR)),
        ("projected_loss_backward", _function(POINTER(ProjectedLoss), _FACTOR, *[_TENSOR] * 3)),
        ("projected_loss_room", _function(_COUNT, _COUNT, _COUNT, returns=c_int64)),
        ("embedding_backward", _function(_TYPE, _COUNT, _COUNT, *[_TENSOR] * 4)),
        ("linear_forward", _function(_COUNT, _COUNT, _TENSOR, _COUNT, _MAPS, _TENSOR)),
        ("linear_backward", _function(_COUNT, _COUNT, _TENSOR, _TENSOR, _COUNT, _MAPS, _TENSOR)),
        ("linear_room", _function(_COUNT, _COUNT, _MAPS, returns=c_int64)),
        ("adam", _function(_TYPE, _COUNT, *[_TENSOR] * 5, *[_FACTOR] * 6)),
        ("norm", _function(_TYPE, _COUNT, _TENSOR, returns=c_double)),
    )


@dataclass(slots=True)
class Native:
    """What is in use: the kernels of an instruction set, or none, and why."""

    instructions: str  # one of SETS, or "none"
    reason: str
    table: Any = None  # Kernels
    _set_threads: Any = None
    _threads: int = 0

    def kernels(self, threads: int) -> Any:
        """Return the kernels, to be run by so many threads: those that torch's OpenMP already has.

        Where the process has none, one thread does the work.
        """
        if threads != self._threads:
            self._set_threads(_openmp(), threads)
            self._threads = threads
        return self.table


def _openmp() -> int | None:
    try:
        return ctypes.cast(ctypes.CDLL(None).GOMP_parallel, c_void_p).value
    except (AttributeError, OSError, TypeError):
        return None


@cache
def native() -> Native:
    """Load the library once a process, and choose the fastest instruction set that this processor runs.

    Raises ConfigError if REGARD_NATIVE names no instruction set.
    """
    wanted = os.environ.get("REGARD_NATIVE", "")
    if wanted not in ("", "off", *SETS):
        hint = f"it is one of off, {', '.join(SETS)}"
        raise ConfigError(f"there is no {wanted!r}", where="environment variable REGARD_NATIVE", hint=hint)
    if wanted == "off":
        return Native("none", "REGARD_NATIVE is off")
    if not PATH.is_file():
        return Native("none", "it was not built: there was no C++ compiler when regard was installed")
    try:
        library = ctypes.CDLL(str(PATH))
        version = library.regard_version()
    except (OSError, AttributeError) as error:
        return Native("none", f"it cannot be loaded: {error}")
    if version != VERSION:
        return Native("none", "it is of another version: install regard again")
    library.regard_runs.argtypes = (c_char_p,)
    library.regard_table.argtypes, library.regard_table.restype = (c_char_p,), POINTER(Kernels)
    library.regard_use_threads.argtypes, library.regard_use_threads.restype = (c_void_p, c_int), None
    runs = [name for name in SETS if library.regard_runs(name.encode())]
    if wanted and wanted not in runs:
        return Native("none", f"this processor does not run what REGARD_NATIVE asks for, {wanted}")
    name = wanted or runs[0]
    table = library.regard_table(name.encode()).contents
    return Native(name, "as set by REGARD_NATIVE" if wanted else "", table, library.regard_use_threads)
