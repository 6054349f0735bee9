"""Which heads a model has: by kind, layer and number, all counted from 0."""

import re
from typing import Literal, NamedTuple, get_args

from torch import nn

from regard.errors import UsageError
from regard.layers.attention import Attention, CausalSelfAttention, MultiHeadAttention, SelfAttention, observed

Kind = Literal["encoder", "decoder", "encoder-decoder"]
"""Who looks at whom: the source at itself, the target at itself, the target at the source."""

KINDS: tuple[Kind, ...] = get_args(Kind)

NAMED = re.compile(r"(encoder-decoder|encoder|decoder)\.(\d+)\.(\d+)")


class Head(NamedTuple):
    """One head of one attention; for people, layers and heads count from 1."""

    layer: int
    kind: Kind
    head: int

    def __str__(self) -> str:
        return f"{self.kind}.{self.layer + 1}.{self.head + 1}"

    @property
    def words(self) -> str:
        """The same in words."""
        return f"{self.kind} attention, layer {self.layer + 1}, head {self.head + 1}"

    @classmethod
    def named(cls, name: str) -> "Head":
        """Return the head that is called like "encoder-decoder.2.1".

        Raises UsageError if that is no name of a head.
        """
        found = NAMED.fullmatch(name)
        if not found or "0" in found.groups()[1:]:
            hint = "such as encoder-decoder.2.1: kind, layer and head, from 1"
            raise UsageError(f"{name!r} is no head", where="head", hint=hint)
        return cls(int(found[2]) - 1, next(kind for kind in KINDS if kind == found[1]), int(found[3]) - 1)


def kind_of(attention: Attention) -> Kind:
    """Return who looks at whom; what is no self-attention looks from the target at the source."""
    if isinstance(attention, CausalSelfAttention):
        return "decoder"
    return "encoder" if isinstance(attention, SelfAttention) else "encoder-decoder"


def heads_in(attention: Attention) -> int:
    """Return how many heads an attention has."""
    return attention.heads if isinstance(attention, MultiHeadAttention) else 1


def layers_of(model: nn.Module) -> dict[Kind, list[tuple[str, Attention]]]:
    """Return the attentions of each kind, first layer first, with their names; none of a kind that a model lacks."""
    layers: dict[Kind, list[tuple[str, Attention]]] = {kind: [] for kind in KINDS}
    for name, attention in observed(model).items():
        layers[kind_of(attention)].append((name, attention))
    return layers


def heads_of(model: nn.Module) -> list[Head]:
    """Return every head of a model: kind by kind, layer by layer."""
    return [
        Head(layer, kind, head)
        for kind, attentions in layers_of(model).items()
        for layer, (_, attention) in enumerate(attentions)
        for head in range(heads_in(attention))
    ]
