"""What is looked into: a single model on torch, and the tokens that it reads and writes.

Axes    B sentences · T target positions
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from regard.data.batch import Batch
from regard.errors import UnsupportedError
from regard.inference.engine import Engine, Tokens
from regard.inference.torch_engine import TorchEngine, alike
from regard.inference.translator import Translator
from regard.models.base import Seq2SeqModel
from regard.text.sides import Sides
from regard.text.vocabulary import BOS, EOS, SPECIAL

BEGIN, END = SPECIAL[BOS], SPECIAL[EOS]
"""How BOS and EOS are shown."""

LOOK_TOKENS = 2048
"""Tokens of the longer side per batch; all logits of a batch exist at the same time."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A model and its two sides."""

    model: Seq2SeqModel
    sides: Sides

    @classmethod
    def of(cls, engine: Engine) -> "Subject":
        """Return what an engine runs.

        Raises UnsupportedError unless it is a single model on torch.
        """
        if not isinstance(engine, TorchEngine) or len(engine.models) > 1:
            problem = "only a single model on torch can be looked into"
            raise UnsupportedError(problem, where=f"engine {engine.name!r}", hint="load one run with engine 'torch'")
        return cls(engine.models[0], engine.sides)

    @classmethod
    def behind(cls, translator: Translator) -> "Subject":
        """Return what a translator runs; where its engine cannot be looked into, the same model on torch.

        Raises UnsupportedError if there are several models.
        """
        engine = translator.engine
        return cls.of(engine if isinstance(engine, TorchEngine) else TorchEngine.load([translator.folder]))

    @property
    def device(self) -> torch.device:
        """Where the model computes."""
        return next(self.model.parameters()).device

    def batch(self, pairs: Sequence[tuple[Tokens, Tokens]]) -> Batch:
        """Return tokens of sources and targets, without special ones, as the model is fed them."""
        sources = [self.sides.source.vocabulary.ids(source) for source, _ in pairs]
        targets = [self.sides.target.vocabulary.ids(target) for _, target in pairs]
        return Batch.of(sources, targets).to(self.device)

    def batches(
        self, pairs: Sequence[tuple[Tokens, Tokens]], tokens: int = LOOK_TOKENS
    ) -> Iterator[tuple[list[int], Batch]]:
        """Yield batches of pairs that are alike in length, each with the places of its pairs."""
        for rows in alike([max(map(len, pair)) + 1 for pair in pairs], tokens):
            yield rows, self.batch([pairs[i] for i in rows])


def log_probs(logits: Float[Tensor, "B T V"], batch: Batch) -> Float[Tensor, "B T"]:
    """Return the log-probability of every token of `target_out`, in nats; of padding, something without meaning."""
    return logits.log_softmax(dim=-1, dtype=torch.float32).gather(2, batch.target_out[:, :, None])[:, :, 0]
