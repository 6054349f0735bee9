"""Copying: the source's own tokens compete with the vocabulary.

Axes    B sentences · S source positions · R rows (hypotheses) · T target positions · M model size · V vocabulary
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from regard.layers import kernels
from regard.layers.configs import CopyingConfig
from regard.layers.embedding import Embeddings
from regard.text.vocabulary import PAD, UNK


@dataclass(frozen=True, slots=True)
class CopyKeys:
    """What of the source can be copied: key and id of every token, and minus infinity where PAD or UNK stands."""

    keys: Float[Tensor, "R S M"]
    ids: Int[Tensor, "R S"]
    forbidden: Float[Tensor, "R 1 S"]

    def select(self, rows: Int[Tensor, " R"]) -> "CopyKeys":
        """Return the given rows, in that order."""
        return CopyKeys(*(part.index_select(0, rows) for part in (self.keys, self.ids, self.forbidden)))


class NoCopyKeys:
    """Nothing of the source can be copied: the vocabulary alone decides."""

    def select(self, rows: Int[Tensor, " R"]) -> "NoCopyKeys":
        """Return the same: it has no rows."""
        return self


class NoCopying(nn.Module):
    """Leave the logits of the output embedding as they are."""

    def __init__(self, config: CopyingConfig, d_model: int, *, biases: bool = True) -> None:
        super().__init__()

    def keys(
        self, hidden: Float[Tensor, "B S M"], ids: Int[Tensor, "B S"], mask: Bool[Tensor, "B 1 1 S"]
    ) -> NoCopyKeys:
        """Return what can be copied, from the memory, the source's ids and their mask."""
        return NoCopyKeys()

    def forward(
        self, logits: Float[Tensor, "R T V"], hidden: Float[Tensor, "R T M"], source: NoCopyKeys
    ) -> Float[Tensor, "R T V"]:
        return logits

    def cross_entropy(
        self,
        embeddings: Embeddings,
        hidden: Float[Tensor, "B T M"],
        source: NoCopyKeys,
        targets: Int[Tensor, "B T"],
        smoothing: float,
    ) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
        """Return the label-smoothed and the plain `kernels.cross_entropy` of the logits."""
        return embeddings.cross_entropy(hidden, targets, smoothing)


class SourceCopying(nn.Module):
    """Let the source's own tokens compete with the vocabulary (Gu et al. 2016, section 3.3).

    A token's logit becomes log(exp(logit) + Σ exp(q·k / √M)), summed over the places where it stands in the source:
    names and numbers can be written that the output embedding hardly knows. EOS is among them and UNK is not.
    """

    def __init__(self, config: CopyingConfig, d_model: int, *, biases: bool = True) -> None:
        super().__init__()
        self.query = kernels.Linear(d_model, d_model, bias=biases)
        self.key = kernels.Linear(d_model, d_model, bias=biases)
        for projection in (self.query, self.key):
            nn.init.xavier_uniform_(projection.weight)
            if biases:
                nn.init.zeros_(projection.bias)

    def keys(self, hidden: Float[Tensor, "B S M"], ids: Int[Tensor, "B S"], mask: Bool[Tensor, "B 1 1 S"]) -> CopyKeys:
        """Return what can be copied, from the memory, the source's ids and their mask."""
        copied = mask[:, 0] & (ids != UNK)[:, None]
        forbidden = hidden.new_zeros(copied.shape).masked_fill(~copied, -math.inf)
        return CopyKeys(self.key(hidden), ids, forbidden)

    def forward(
        self, logits: Float[Tensor, "R T V"], hidden: Float[Tensor, "R T M"], source: CopyKeys
    ) -> Float[Tensor, "R T V"]:
        scores_RTS = self.query(hidden) @ source.keys.transpose(-2, -1) / math.sqrt(hidden.size(-1)) + source.forbidden
        peak_RT1 = scores_RTS.amax(dim=-1, keepdim=True).detach()
        places_RTS = source.ids[:, None].expand(scores_RTS.shape)
        copied_RTV = torch.zeros_like(logits).scatter_add(
            -1, places_RTS, (scores_RTS - peak_RT1).exp().to(logits.dtype)
        )
        smallest = torch.finfo(logits.dtype).tiny
        return torch.logaddexp(logits, copied_RTV.clamp_min(smallest).log() + peak_RT1)

    def cross_entropy(
        self,
        embeddings: Embeddings,
        hidden: Float[Tensor, "B T M"],
        source: CopyKeys,
        targets: Int[Tensor, "B T"],
        smoothing: float,
    ) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
        """Return the label-smoothed and the plain `kernels.cross_entropy` of the logits."""
        logits = self(embeddings.logits(hidden), hidden, source)
        return kernels.cross_entropy(logits.flatten(0, 1), targets.flatten(), smoothing=smoothing, ignore=PAD)
