"""What every family of models is: something to train on batches, and something to decode with, step by step.

Axes    B sentences · S source positions · T target positions · M model size · R rows (hypotheses) · V vocabulary
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from regard.data.batch import Batch, PaddedTokens
from regard.layers.copying import CopyKeys, NoCopyKeys
from regard.models.configs import ModelConfig
from regard.registry import load_object


@dataclass(frozen=True, slots=True)
class Memory:
    """What the encoder gives the decoder."""

    hidden: Float[Tensor, "B S M"]
    mask: Bool[Tensor, "B 1 1 S"]
    ids: Int[Tensor, "B S"]  # what can be copied


class Seq2SeqModel(nn.Module, ABC):
    """A model of target texts given source texts.

    The teacher-forced `forward` and the stepwise `encode`, `init_state`, `step` give the same logits; `decoding`
    needs only the latter three (see `regard.decoding.protocol`).
    """

    config: ModelConfig
    embeddings: Any
    copying: Any

    def forward(self, batch: Batch) -> Float[Tensor, "B T V"]:
        """Return the logits of every next token, the target being known."""
        hidden, copy_keys = self.teacher_forced(batch)
        logits: Tensor = self.copying(self.embeddings.logits(hidden), hidden, copy_keys)
        return logits

    def cross_entropy(self, batch: Batch, smoothing: float) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
        """Return the label-smoothed and the plain `kernels.cross_entropy` of the logits."""
        hidden, copy_keys = self.teacher_forced(batch)
        losses: tuple[Tensor, Tensor] = self.copying.cross_entropy(
            self.embeddings, hidden, copy_keys, batch.target_out, smoothing
        )
        return losses

    @abstractmethod
    def teacher_forced(self, batch: Batch) -> tuple[Float[Tensor, "B T M"], CopyKeys | NoCopyKeys]:
        """Return what predicts every next token, the target being known, and what of the source can be copied."""

    @abstractmethod
    def encode(self, source: PaddedTokens) -> Any:
        """Read the sources and return the memory: what the decoder attends to."""

    @abstractmethod
    def init_state(self, memory: Any) -> Any:
        """Return the decoder's state before the first token, a row per source."""

    @abstractmethod
    def step(self, tokens: Int[Tensor, " R"], state: Any) -> tuple[Float[Tensor, "R V"], Any]:
        """Feed a token per row; return the logits of the next token, and the next state."""


def build_model(config: ModelConfig, source_size: int, target_size: int) -> Seq2SeqModel:
    """Make the model that the config names, for vocabularies of these sizes; weights come from torch's generator."""
    return load_object(config.part)(config, source_size, target_size)
