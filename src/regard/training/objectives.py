"""What training minimises.

Axes    B sentences · T target positions · V vocabulary
"""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from regard.data.batch import Batch
from regard.layers import kernels
from regard.models.base import Seq2SeqModel
from regard.text.vocabulary import PAD


@dataclass(frozen=True, slots=True)
class Loss:
    """Sums over the real target tokens of a batch, in nats."""

    minimised: Float[Tensor, ""]  # with label smoothing; has a gradient
    nats: Float[Tensor, ""]  # without


def label_smoothed(model: Seq2SeqModel, batch: Batch, smoothing: float) -> Loss:
    """Return the cross-entropy of the next tokens, with label smoothing (Vaswani et al. 2017, section 5.4)."""
    logits_BTV = model(batch)
    minimised, nats = kernels.cross_entropy(
        logits_BTV.flatten(0, 1), batch.target_out.flatten(), smoothing=smoothing, ignore=PAD
    )
    return Loss(minimised, nats)
