"""Taking hold of what enters encoder and decoder, from outside: embedded tokens as leaves, or with places left blank.

Axes    B sentences · S source positions · T target positions · M model size
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from jaxtyping import Bool, Float
from torch import Tensor, nn

from regard.data.batch import Batch, PaddedTokens
from regard.models.base import Seq2SeqModel
from regard.text.vocabulary import UNK

Change = Callable[[Tensor], Tensor]


@contextmanager
def entering(model: Seq2SeqModel, source: Change, target: Change) -> Iterator[None]:
    """Change the embedded source and target on their way into encoder and decoder while the block lasts."""

    def hook(change: Change) -> Callable[[nn.Module, tuple[Any, ...]], tuple[Any, ...]]:
        return lambda module, inputs: (change(inputs[0]), *inputs[1:])

    stacks: Any = model
    removals = [
        stacks.encoder.register_forward_pre_hook(hook(source)).remove,
        stacks.decoder.register_forward_pre_hook(hook(target)).remove,
    ]
    try:
        yield
    finally:
        for remove in removals:
            remove()


@contextmanager
def blanked(
    model: Seq2SeqModel, batch: Batch, source: Bool[Tensor, "B S"], target: Bool[Tensor, "B T"]
) -> Iterator[Batch]:
    """Yield a batch to feed the model while the block lasts, in which the places that are True are left blank.

    The token there is unknown and its embedding zero, so nothing is copied from it; all other tokens keep their places.
    """

    def at(places: Bool[Tensor, "B T"]) -> Change:
        def change(embedded: Float[Tensor, "B T M"]) -> Float[Tensor, "B T M"]:
            return embedded.masked_fill(places[:, :, None], 0.0)

        return change

    def without(padded: PaddedTokens, places: Tensor) -> PaddedTokens:
        return PaddedTokens(padded.ids.masked_fill(places, UNK), padded.lengths)

    with entering(model, at(source), at(target)):
        yield Batch(without(batch.source, source), without(batch.target_in, target), batch.target_out, batch.pairs)
