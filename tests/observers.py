"""Observers that tests attach to attention."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from regard.layers.attention import AttentionCall, AttentionObserver, observed

Watcher = TypeVar("Watcher", bound=AttentionObserver)


class Recorder(AttentionObserver):
    """Keeps every call and every context."""

    def __init__(self) -> None:
        self.calls: list[AttentionCall] = []
        self.contexts: list[Tensor] = []

    def weights(self, call: AttentionCall) -> Tensor:
        self.calls.append(call)
        return call.weights

    def context(self, context: Tensor) -> Tensor:
        self.contexts.append(context)
        return context

    def joined(self) -> Tensor:
        """Return the weights of all calls as one, B H Q K: one after another, as wide as the widest."""
        keys = max(call.weights.size(3) for call in self.calls)
        return torch.cat([F.pad(call.weights, (0, keys - call.weights.size(3))) for call in self.calls], dim=2)


class SilencedWeights(AttentionObserver):
    """Lets one head of the given rows find nothing."""

    def __init__(self, head: int, rows: slice = slice(None)) -> None:
        self.head, self.rows = head, rows

    def weights(self, call: AttentionCall) -> Tensor:
        return self.silenced(call.weights)

    def silenced(self, x: Tensor) -> Tensor:
        x = x.clone()
        x[self.rows, self.head] = 0.0
        return x


class SilencedContext(SilencedWeights):
    """Throws away what one head found."""

    def weights(self, call: AttentionCall) -> Tensor:
        return call.weights

    def context(self, context: Tensor) -> Tensor:
        return self.silenced(context)


@contextmanager
def observing(model: nn.Module, make: Callable[[], Watcher]) -> Iterator[dict[str, Watcher]]:
    """Give every attention an observer of its own, by name, for a while."""
    attentions = observed(model)
    observers = {name: make() for name in attentions}
    for name, attention in attentions.items():
        attention.observer = observers[name]
    try:
        yield observers
    finally:
        for attention in attentions.values():
            attention.observer = None
