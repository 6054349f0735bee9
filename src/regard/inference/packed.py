"""A Transformer's weights as the native engine wants them: packed, in one piece of memory; no torch.

What is made from float32 weights once can be written beside them, and is then mapped instead of made.
"""

import ctypes
import mmap
from collections.abc import Callable, Sequence
from ctypes import addressof, memmove
from typing import Any

from regard.errors import CheckpointError
from regard.inference.packed_file import HEADER, open_packed, save_packed
from regard.inference.tensors import MappedTensor, MappedTensors
from regard.model_folder import WEIGHTS, ModelFolder
from regard.models.configs import TransformerConfig
from regard.native import decoder as native

TABLES = {
    "separate": ("source_table", "target_table", "output_table"),
    "two-way": ("source_table", "target_table", "target_table"),
    "three-way": ("table", "table", "table"),
}
"""Names of the matrices of source, target and output, by the kind of embeddings."""

PRECISIONS = {"float32": native.FLOAT32, "bfloat16": native.BFLOAT16, "int8": native.INT8}
"""What weights can be packed as."""

_ALIGNED = 64  # bytes


class Space:
    """Hands out places in a piece of memory, one after the other; without memory, only counts."""

    def __init__(self, address: int | None = None, *, filled: bool = False) -> None:
        self.size, self._address, self._filled = 0, address, filled

    def place(self, size: int, fill: Callable[[int], None]) -> int:
        """Return the address of `size` bytes, which `fill` has written unless they were there before."""
        at, self.size = self.size, self.size + -(-size // _ALIGNED) * _ALIGNED
        if self._address is None:
            return 0
        if not self._filled:
            fill(self._address + at)
        return self._address + at


class Packing:
    """Lays out one model. Every method returns a struct whose addresses point into the space."""

    def __init__(
        self, config: TransformerConfig, sizes: tuple[int, int], tensors: MappedTensors, space: Space, precision: int
    ) -> None:
        self.config, self.sizes, self.tensors, self.space, self.precision = config, sizes, tensors, space, precision
        self.library = native.decoding_library()
        self.kept: list[Any] = []  # arrays that structs point to

    def model(self) -> native.Model:
        """Lay out everything."""
        c, (source_size, target_size) = self.config, self.sizes
        source, target, output = TABLES[c.embeddings.kind]
        ngrams = self._ngrams()
        source_table = self._table(f"embeddings.{source}", source_size)
        same = source == target
        model = native.Model(
            precision=self.precision,
            d_model=c.d_model,
            heads=c.heads,
            key_value_heads=c.key_value_heads or c.heads,
            d_ff=c.d_ff,
            pre_norm=c.residual.kind == "pre-norm",
            norm_kind=native.NORMS[c.norm.kind],
            activation=native.ACTIVATIONS[c.feed_forward.kind],
            epsilon=c.norm.epsilon,
            scale=c.d_model**0.5 if c.embeddings.scaled else 1.0,
            ngram_scale=c.d_model**0.5,
            source_size=source_size,
            ngrams=len(ngrams),
            ngram=self._array(native.Table, ngrams),
            source=source_table,
            target=source_table if same else self._table(f"embeddings.{target}", target_size),
        )
        biases = ["embeddings.output_bias"] if c.biases else []
        model.logits = self._map([f"embeddings.{output}"], [target_size], c.d_model, biases)
        model.encoder, model.decoder = self._stack("encoder"), self._stack("decoder")
        if c.copying.kind == "source":
            model.copy_query = self._linear("copying", ["query"], [c.d_model], c.d_model)
            model.copy_key = self._linear("copying", ["key"], [c.d_model], c.d_model)
        return model

    def _stack(self, name: str) -> native.Stack:
        c = self.config
        count = c.encoder_layers if name == "encoder" else c.decoder_layers
        layers = [self._layer(f"{name}.layers.{i}", decoder=name == "decoder") for i in range(count)]
        entrance = self._norm(f"{name}.entrance") if c.embedding_norm else native.Norm()
        final = self._norm(f"{name}.final") if c.residual.kind == "pre-norm" else native.Norm()
        return native.Stack(count, self._array(native.Layer, layers), entrance, final, self._positions(name))

    def _layer(self, name: str, *, decoder: bool) -> native.Layer:
        shared = (self.config.key_value_heads or self.config.heads) * self.config.d_head
        d_model, d_ff = self.config.d_model, self.config.d_ff
        parts, sizes = ["query", "key", "value"], [d_model, shared, shared]
        own = f"{name}.self_attention"
        layer = native.Layer(
            self=native.Attention(
                input=self._linear(own, parts, sizes, d_model),
                output=self._linear(own, ["output"], [d_model], d_model),
                norm=self._norm(f"{name}.around_self.norm"),
            )
        )
        if decoder:
            other = f"{name}.source_attention"
            layer.source = native.Attention(
                input=self._linear(other, parts[:1], sizes[:1], d_model),
                source=self._linear(other, parts[1:], sizes[1:], d_model),
                output=self._linear(other, ["output"], [d_model], d_model),
                norm=self._norm(f"{name}.around_source.norm"),
            )
        widen = ["gate", "widen"] if self.config.feed_forward.kind in ("swiglu", "geglu") else ["widen"]
        layer.widening = native.FeedForward(
            widen=self._linear(f"{name}.widening", widen, [d_ff] * len(widen), d_model),
            narrow=self._linear(f"{name}.widening", ["narrow"], [d_model], d_ff),
            norm=self._norm(f"{name}.around_widening.norm"),
        )
        return layer

    def _linear(self, owner: str, parts: Sequence[str], sizes: Sequence[int], inputs: int) -> native.Linear:
        """Lay out linear maps of the same inputs as one."""
        biases = [f"{owner}.{part}.bias" for part in parts] if self.config.biases else []
        return self._map([f"{owner}.{part}.weight" for part in parts], sizes, inputs, biases)

    def _map(self, weights: Sequence[str], sizes: Sequence[int], inputs: int, biases: Sequence[str]) -> native.Linear:
        outputs, library = sum(sizes), self.library
        matrices = [self.tensors.get(name, size, inputs) for name, size in zip(weights, sizes, strict=True)]
        vectors = [self.tensors.get(name, size) for name, size in zip(biases, sizes, strict=False)]
        padded = 4 * (outputs + native.PANEL)
        scales = self.space.place(padded, lambda at: None) if self.precision == native.INT8 else 0

        def fill(at: int) -> None:
            first = 0
            for matrix, size in zip(matrices, sizes, strict=True):
                library.regard_pack(self.precision, size, inputs, matrix.address, first, at, scales)
                first += size

        packed = self.space.place(library.regard_packed_size(self.precision, outputs, inputs), fill)
        bias = self.space.place(padded, lambda at: _join(vectors, at)) if biases else 0
        return native.Linear(inputs, outputs, packed, scales, bias)

    def _norm(self, name: str) -> native.Norm:
        size = self.config.d_model
        bias = self._vector(f"{name}.bias", size) if self.config.norm.kind == "layer" else 0
        return native.Norm(self._vector(f"{name}.weight", size), bias)

    def _vector(self, name: str, *shape: int) -> int:
        tensor = self.tensors.get(name, *shape)
        return self.space.place(4 * tensor.size, lambda at: _join([tensor], at))

    def _table(self, name: str, entries: int) -> native.Table:
        tensor = self.tensors.get(name, entries, self.config.d_model)
        if self.precision == native.FLOAT32:
            return native.Table(entries, self.space.place(4 * tensor.size, lambda at: _join([tensor], at)))

        def round_all(at: int) -> None:
            self.library.regard_round(tensor.size, tensor.address, at)

        return native.Table(entries, self.space.place(2 * tensor.size, round_all))

    def _ngrams(self) -> list[native.Table]:
        c = self.config.ngrams
        if c.kind == "none":
            return []
        sizes = range(2, c.longest + 1)  # type: ignore[attr-defined]
        rows = ((n, min(self.sizes[0] ** n, c.rows)) for n in sizes)  # type: ignore[attr-defined]
        return [self._table(f"ngrams.tables.{n - 2}", entries) for n, entries in rows]

    def _positions(self, stack: str) -> native.Positions:
        c: Any = self.config.positions
        shapes: dict[str, Any] = {
            "learned": lambda: (c.longest, self.config.d_model),
            "shaw": lambda: (2 * c.distance + 1, self.config.d_head),
            "t5": lambda: (self.config.heads, c.buckets),
        }
        made = native.Positions(kind=native.POSITIONS[c.kind], base=getattr(c, "base", 0.0))
        made.distance = getattr(c, "distance", 0)
        made.entries = getattr(c, "longest", getattr(c, "buckets", getattr(c, "first", 0)))
        if c.kind in shapes:
            made.table = self._vector(f"{stack}.positions.table", *shapes[c.kind]())
        return made

    def _array(self, kind: Any, items: Sequence[Any]) -> Any:
        array = (kind * len(items))(*items)
        self.kept.append(array)
        return array


def _join(tensors: Sequence[MappedTensor], at: int) -> None:
    for tensor in tensors:
        memmove(at, tensor.address, 4 * tensor.size)
        at += 4 * tensor.size


def pack(folder: ModelFolder, precision: str) -> tuple[native.Model, Any]:
    """Return a folder's model for the native engine, and what must be kept as long as it is used.

    In less than float32 what is packed is kept beside the weights, which are not even read the next time.
    Raises CheckpointError if the weights are damaged or not those of the config.
    """
    config, counting = folder.settings.model, Space()
    assert isinstance(config, TransformerConfig)
    try:
        tensors = MappedTensors(folder.path / WEIGHTS)
        Packing(config, folder.sizes, tensors, counting, PRECISIONS[precision]).model()
    except CheckpointError:
        folder.check_weights()  # which says better what is wrong
        raise
    beside, checksum = folder.path / f"packed-{precision}.bin", folder.weights_checksum
    kept = open_packed(beside, checksum, counting.size) if precision != "float32" else None
    if kept is None:
        folder.check_weights()
    memory = mmap.mmap(-1, counting.size) if kept is None else kept
    address = addressof(ctypes.c_char.from_buffer(memory)) + (0 if kept is None else HEADER)
    packing = Packing(config, folder.sizes, tensors, Space(address, filled=kept is not None), PRECISIONS[precision])
    model = packing.model()
    if kept is None:
        tensors.forget()
        if precision != "float32":
            save_packed(beside, checksum, memory, counting.size)
    return model, (memory, packing.kept)
