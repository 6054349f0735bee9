"""The decoding engine of the native library: its structs, and a handle on a running engine; no torch.

`src/decoder/types.h` and `src/decoder/job.h` say what the fields mean.
"""

import ctypes
from collections.abc import Sequence
from ctypes import POINTER, byref, c_char_p, c_double, c_float, c_int, c_int32, c_int64, c_uint8, c_uint64, c_void_p
from dataclasses import dataclass
from typing import Any

from regard.errors import ResourceError
from regard.native.library import PATH, native

FLOAT32, INT8, BFLOAT16 = 0, 1, 2
NORMS = {"layer": 0, "rms": 1}
ACTIVATIONS = {"relu": 0, "gelu": 1, "swiglu": 2, "silu": 3, "geglu": 4}
POSITIONS = {"none": 0, "sinusoidal": 1, "learned": 2, "rotary": 3, "shaw": 4, "t5": 5, "alibi": 6, "sinusoidal-t2t": 7}
SEARCHES = {"greedy": 0, "beam": 0, "sampling": 1}
LENGTHS = {"none": 0, "gnmt": 1, "power": 2}

PANEL = 16
"""Outputs of a linear map that are computed together: biases and scales are padded to a multiple of it."""

SETS = ("amx", "avx512_bf16", "avx512", "avx2", "portable")
"""Instruction sets that decoding has, the fastest first."""

_ROWS = 96  # that a worker steps at a time: enough to read weights seldom, few enough for the caches
_PATIENCE = 0.1  # seconds between looks whether someone wants to stop


def _numbers(*names: str) -> tuple[tuple[str, Any], ...]:
    return tuple((name, c_int64) for name in names)


def _addresses(*names: str) -> tuple[tuple[str, Any], ...]:
    return tuple((name, c_void_p) for name in names)


class Linear(ctypes.Structure):
    """A linear map with packed weights."""

    _fields_ = (*_numbers("inputs", "outputs"), *_addresses("weights", "scales", "bias"))


class Table(ctypes.Structure):
    """Vectors to look up."""

    _fields_ = (*_numbers("entries"), *_addresses("rows"))


class Norm(ctypes.Structure):
    """A norm's scale and shift."""

    _fields_ = _addresses("weight", "bias")


class Attention(ctypes.Structure):
    """One attention and the norm beside it."""

    _fields_ = (("input", Linear), ("source", Linear), ("output", Linear), ("norm", Norm))


class FeedForward(ctypes.Structure):
    """One feed-forward layer and the norm beside it."""

    _fields_ = (("widen", Linear), ("narrow", Linear), ("norm", Norm))


class Layer(ctypes.Structure):
    """One layer of encoder or decoder."""

    _fields_ = (("self", Attention), ("source", Attention), ("widening", FeedForward))


class Positions(ctypes.Structure):
    """How a stack knows where a token stands."""

    _fields_ = (*_numbers("kind", "entries", "distance"), ("base", c_float), *_addresses("table"))


class Stack(ctypes.Structure):
    """Encoder or decoder."""

    _fields_ = (
        *_numbers("layers"),
        ("layer", POINTER(Layer)),
        ("entrance", Norm),
        ("final", Norm),
        ("positions", Positions),
    )


class Shortlist(ctypes.Structure):
    """Output tokens that are thought of for a source."""

    _fields_ = (*_numbers("common_count"), *_addresses("common", "first", "listed"))


class Model(ctypes.Structure):
    """A whole Transformer."""

    _fields_ = (
        *_numbers("precision", "d_model", "heads", "key_value_heads", "d_ff", "pre_norm", "norm_kind", "activation"),
        *((name, c_float) for name in ("epsilon", "scale", "ngram_scale")),
        *_numbers("source_size", "ngrams"),
        ("ngram", POINTER(Table)),
        *((name, Table) for name in ("source", "target")),
        ("logits", Linear),
        *((name, Stack) for name in ("encoder", "decoder")),
        ("shortlist", Shortlist),
        *((name, Linear) for name in ("copy_query", "copy_key")),
    )


class Options(ctypes.Structure):
    """How to search."""

    _fields_ = (
        *_numbers("kind", "beams", "n_best", "min_length", "no_repeat", "length_kind"),
        *((name, c_double) for name in ("length_alpha", "temperature", "top_p")),
        *_numbers("top_k"),
        ("seed", c_uint64),
    )


class Job(ctypes.Structure):
    """What is asked for one sentence."""

    _fields_ = (
        *_addresses("ids"),
        *_numbers("count"),
        *_addresses("prefix"),
        *_numbers("prefix_count", "limit", "ends", "key"),
        ("options", Options),
    )


class _Answer(ctypes.Structure):
    _fields_ = (
        *_numbers("count"),
        ("lengths", POINTER(c_int32)),
        ("ended", POINTER(c_uint8)),
        ("ids", POINTER(c_int32)),
        ("log_probs", POINTER(c_float)),
    )


@dataclass(frozen=True, slots=True)
class Written:
    """A hypothesis in ids, without BOS and EOS, as the engine completed it."""

    ids: list[int]
    log_probs: list[float]  # one per token, then EOS if it ended
    ended: bool


def decoding_library() -> Any:
    """Return the library with the types of its functions declared; `native()` must have found it usable."""
    library = ctypes.CDLL(str(PATH))
    library.regard_packed_size.restype = c_int64
    library.regard_packed_size.argtypes = (c_int64, c_int64, c_int64)
    library.regard_pack.restype = None
    library.regard_pack.argtypes = (c_int64, c_int64, c_int64, c_void_p, c_int64, c_void_p, c_void_p)
    library.regard_round.restype, library.regard_round.argtypes = None, (c_int64, c_void_p, c_void_p)
    library.regard_decodes.argtypes = (c_char_p,)
    library.regard_engine.restype, library.regard_engine.argtypes = (
        c_void_p,
        (POINTER(Model), c_char_p, c_int64, c_int64),
    )
    library.regard_engine_close.restype, library.regard_engine_close.argtypes = None, (c_void_p,)
    library.regard_engine_submit.restype, library.regard_engine_submit.argtypes = c_int64, (c_void_p, POINTER(Job))
    library.regard_engine_wait.argtypes = (c_void_p, c_int64, c_double, POINTER(_Answer))
    library.regard_engine_wait.restype = c_int
    library.regard_engine_release.restype, library.regard_engine_release.argtypes = None, (c_void_p, c_int64)
    return library


def decoding_set() -> str:
    """Return the fastest instruction set that this processor decodes with, or "" without a library.

    What REGARD_NATIVE names is the fastest that is chosen.
    """
    found = native()
    if found.table is None:
        return ""
    library = decoding_library()
    first = next(i for i, name in enumerate(SETS) if name.startswith(found.instructions))
    return next(name for name in SETS[first:] if library.regard_decodes(name.encode()))


class Decoder:
    """An engine at work on one model, until it is closed."""

    def __init__(self, model: Model, keep: Any, workers: int) -> None:
        """Start `workers` threads; `keep` is what the model points to."""
        self._library, self._keep = decoding_library(), (model, keep)
        self.instructions = decoding_set()
        self._engine = self._library.regard_engine(byref(model), self.instructions.encode(), workers, _ROWS)
        if not self._engine:
            raise _short_of_memory()

    def submit(
        self,
        ids: Sequence[int],
        prefix: Sequence[int],
        limit: int,
        options: Options,
        *,
        key: int = 0,
        ends: bool = False,
    ) -> int:
        """Hand over a sentence, EOS included; return the number to wait for.

        Raises ResourceError if memory is short.
        """
        source, forced = (c_int32 * len(ids))(*ids), (c_int32 * len(prefix))(*prefix)
        addresses = ctypes.addressof(source), ctypes.addressof(forced)
        job = Job(addresses[0], len(ids), addresses[1], len(prefix), limit, ends, key, options)
        number: int = self._library.regard_engine_submit(self._engine, byref(job))
        if number < 0:
            raise _short_of_memory()
        return number

    def wait(self, number: int) -> list[Written]:
        """Return what was found for a sentence, in the order of completion, and forget it.

        Raises ResourceError if memory was short.
        """
        answer, state = _Answer(), 0
        while not state:
            state = self._library.regard_engine_wait(self._engine, number, _PATIENCE, byref(answer))
        if state < 0:
            raise _short_of_memory()
        found, id_at, log_prob_at = [], 0, 0
        for i in range(answer.count):
            length, ended = answer.lengths[i], bool(answer.ended[i])
            id_end, log_prob_end = id_at + length, log_prob_at + length + ended
            found.append(Written(answer.ids[id_at:id_end], answer.log_probs[log_prob_at:log_prob_end], ended))
            id_at, log_prob_at = id_end, log_prob_end
        self.forget(number)
        return found

    def forget(self, number: int) -> None:
        """Give up a sentence, whether it is done or not."""
        if self._engine:
            self._library.regard_engine_release(self._engine, number)

    def close(self) -> None:
        """Stop the threads; what they were at is lost."""
        if self._engine:
            self._library.regard_engine_close(self._engine)
            self._engine = None

    def __del__(self) -> None:
        if getattr(self, "_engine", None):
            self.close()


def _short_of_memory() -> ResourceError:
    return ResourceError("memory is short", where="native engine", hint="use fewer threads or fewer beams")
