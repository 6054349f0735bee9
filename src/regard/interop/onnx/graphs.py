"""A Transformer as two graphs: one reads sources, one makes a step of the decoder from caches to caches.

Axes    B sentences · R rows (hypotheses) · S source positions · T target positions so far · H heads that have keys and
        values · D head size · M model size · V vocabulary
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from regard.data.batch import PaddedTokens
from regard.layers.attention import AttentionObserver, observed
from regard.layers.cache import KeysValues
from regard.layers.copying import CopyKeys, NoCopyKeys
from regard.layers.positions import Positions, RotaryPositions

SOURCE, STEP = "source.onnx", "step.onnx"
"""Files of the two graphs."""


def names(layers: int, *, copies: bool) -> dict[str, list[str]]:
    """Return what the tensors of both graphs are called: what each reads and writes, in order."""
    source = [f"source_{part}.{layer}" for layer in range(layers) for part in ("keys", "values")]
    past, grown = ([f"{word}_{part}.{i}" for i in range(layers) for part in ("keys", "values")] for word in _CACHES)
    copied = ["copy_keys", "copy_forbidden"] if copies else []
    return {
        "source in": ["ids", "lengths"],
        "source out": ["mask", *source, *copied],
        "step in": ["tokens", "mask", *source, *past, *copied, *(["ids"] if copies else [])],
        "step out": ["logits", *grown],
    }


_CACHES = ("past", "present")


class SourceGraph(nn.Module):
    """Ids (B S) and lengths (B) to a mask and to keys and values for every decoder layer."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, ids: Int[Tensor, "B S"], lengths: Int[Tensor, " B"]) -> tuple[Tensor, ...]:
        memory = self.model.encode(PaddedTokens(ids, lengths))
        tensors = [memory.mask]
        for source in self.model.decoder.sources(memory.hidden):
            tensors += [source.keys, source.values]
        copied = self.model.copy_keys(memory)
        return (*tensors, *([copied.keys, copied.forbidden] if isinstance(copied, CopyKeys) else []))


class StepGraph(nn.Module):
    """A token for each row and the caches (R H T D) to logits and the caches with one position more."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, tokens: Int[Tensor, " R"], mask: Bool[Tensor, "R 1 1 S"], held: list[Tensor]) -> tuple[Any, ...]:
        """`held` are keys and values of the source, those of the past, and what can be copied."""
        layers = len(self.model.decoder.layers)
        sources, pasts = (_paired(held[i * 2 * layers : (i + 1) * 2 * layers]) for i in (0, 1))
        caches = [GrowingCache(past) for past in pasts]
        hidden = self.model.decoder(self.model.embeddings.target(tokens[:, None]), sources, mask, caches)
        copied: CopyKeys | NoCopyKeys = NoCopyKeys()
        if len(held) > 4 * layers:
            keys, forbidden, ids = held[4 * layers :]
            copied = CopyKeys(keys, ids, forbidden)
        logits = self.model.copying(self.model.embeddings.logits(hidden), hidden, copied)
        return (logits[:, -1], *(part for cache in caches for part in (cache.seen.keys, cache.seen.values)))


class GrowingCache:
    """Keys and values so far; appending joins tensors, as a graph has no buffers."""

    def __init__(self, past: KeysValues) -> None:
        self.seen, self.length = past, past.keys.size(2)

    def append(self, new: KeysValues) -> KeysValues:
        """Add positions and return all of them."""
        keys, values = torch.cat((self.seen.keys, new.keys), 2), torch.cat((self.seen.values, new.values), 2)
        self.seen = KeysValues(keys, values)
        return self.seen


def _paired(tensors: list[Tensor]) -> list[KeysValues]:
    return [KeysValues(k, v) for k, v in zip(tensors[::2], tensors[1::2], strict=True)]


class RealRotaryPositions(Positions):
    """The rotation of `RotaryPositions` without complex numbers, which ONNX has not, and without a table."""

    def __init__(self, rotary: RotaryPositions) -> None:
        nn.Module.__init__(self)
        self.base, self.pairs = rotary.base, rotary.pairs

    def rotate(self, x: Float[Tensor, "B H T D"], first: int = 0) -> Float[Tensor, "B H T D"]:
        places_T1 = torch.arange(first, first + x.size(2))[:, None].to(x.dtype)
        angles_Td = places_T1 * self.base ** (-torch.arange(self.pairs, dtype=x.dtype) / self.pairs)
        cos_Td, sin_Td = angles_Td.cos(), angles_Td.sin()
        even, odd = x.unflatten(-1, (-1, 2)).unbind(-1)
        return torch.stack((even * cos_Td - odd * sin_Td, even * sin_Td + odd * cos_Td), dim=-1).flatten(-2)


@contextmanager
def traceable(model: Any) -> Iterator[None]:
    """Let attention take its open road in a block, which asks for no sizes, and rotary positions real numbers."""
    attentions = observed(model).values()
    before = [attention.observer for attention in attentions]
    stacks = [(stack, stack.positions) for stack in (model.encoder, model.decoder)]
    try:
        for attention in attentions:
            attention.observer = AttentionObserver()
        for stack, positions in stacks:
            if isinstance(positions, RotaryPositions):
                stack.positions = RealRotaryPositions(positions)
        yield
    finally:
        for attention, observer in zip(attentions, before, strict=True):
            attention.observer = observer
        for stack, positions in stacks:
            stack.positions = positions
