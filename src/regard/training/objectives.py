"""What training minimises.

Axes    B sentences · T target positions · V vocabulary · R rows, one per target position
"""

from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor

from regard.data.batch import Batch
from regard.layers import kernels
from regard.models.base import Seq2SeqModel
from regard.registry import load_object
from regard.text.vocabulary import PAD
from regard.training.configs import ObjectiveConfig, RDropConfig, TrainingConfig


@dataclass(frozen=True, slots=True)
class Loss:
    """Sums over the real target tokens of a batch, in nats."""

    minimised: Float[Tensor, ""]  # with label smoothing; has a gradient
    nats: Float[Tensor, ""]  # without


def label_smoothed(model: Seq2SeqModel, batch: Batch, smoothing: float) -> Loss:
    """Return the cross-entropy of the next tokens, with label smoothing (Vaswani et al. 2017, section 5.4)."""
    return Loss(*model.cross_entropy(batch, smoothing))


class CrossEntropy:
    """Each token by itself."""

    copies: ClassVar[int] = 1
    """How often a sentence runs through the model."""

    def __init__(self, config: ObjectiveConfig, smoothing: float) -> None:
        self.config, self.smoothing = config, smoothing

    def __call__(self, model: Seq2SeqModel, batch: Batch) -> Loss:
        """Return the loss of a batch; the model is in training mode."""
        return label_smoothed(model, batch, self.smoothing)


class RDrop(CrossEntropy):
    """The mean cross-entropy under two dropout masks, and how far the two predictions are apart (Liang et al. 2021)."""

    copies: ClassVar[int] = 2
    config: RDropConfig

    def __call__(self, model: Seq2SeqModel, batch: Batch) -> Loss:
        twice = batch.repeated(self.copies)
        logits_RV = model(twice).flatten(0, 1)
        pairs = logits_RV.unflatten(0, (-1, self.copies, batch.target_out.size(1)))
        real = batch.target_out != PAD
        apart = kernels.divergence(pairs[:, 0][real], pairs[:, 1][real])
        targets = twice.target_out.flatten()
        loss, nats = kernels.cross_entropy(logits_RV, targets, smoothing=self.smoothing, ignore=PAD)
        return Loss(loss / 2 + self.config.weight / 4 * apart, nats / 2)


def build_objective(config: TrainingConfig) -> CrossEntropy:
    """Make the objective that the config names."""
    return load_object(config.objective.part)(config.objective, config.label_smoothing)
