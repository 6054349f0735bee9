"""Record what every attention does while a block runs; the model knows nothing of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from jaxtyping import Float
from torch import Tensor, nn

from regard.layers.attention import AttentionCall, AttentionObserver, observed


class Recorder(AttentionObserver):
    """Keeps every call, in order, with the weights as they were applied.

    What another observer, there already, makes of the weights goes on to count.
    """

    def __init__(self, inner: AttentionObserver | None) -> None:
        self.calls: list[AttentionCall] = []
        self._inner = inner or AttentionObserver()

    def weights(self, call: AttentionCall) -> Float[Tensor, "B H Q K"]:
        applied_BHQK = self._inner.weights(call)
        self.calls.append(replace(call, weights=applied_BHQK))
        return applied_BHQK

    def context(self, context: Float[Tensor, "B H Q D"]) -> Float[Tensor, "B H Q D"]:
        return self._inner.context(context)


@contextmanager
def capture_attention(model: nn.Module) -> Iterator[dict[str, list[AttentionCall]]]:
    """Yield the calls of every attention by module name: lists that fill while the block runs.

    An attention that walks through the target step by step has a call for each, others one for all.
    """
    attentions = observed(model)
    before = {name: attention.observer for name, attention in attentions.items()}
    recorders = {name: Recorder(observer) for name, observer in before.items()}
    for name, attention in attentions.items():
        attention.observer = recorders[name]
    try:
        yield {name: recorder.calls for name, recorder in recorders.items()}
    finally:
        for name, attention in attentions.items():
            attention.observer = before[name]
