"""N-grams: every source token brings a vector for each short stretch of text around it.

Axes    B sentences · S source positions · M model size · N entries of a table
"""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from regard.layers import kernels
from regard.layers.configs import NgramsConfig, SourceNgramsConfig
from regard.text.vocabulary import PAD


class NoNgrams(nn.Module):
    """Every token by its own embedding alone."""

    def __init__(self, config: NgramsConfig, size: int, d_model: int) -> None:
        super().__init__()

    def forward(
        self, embedded: Float[Tensor, "B S M"], ids: Int[Tensor, "B S"], mask: Bool[Tensor, "B 1 1 S"]
    ) -> Float[Tensor, "B S M"]:
        return embedded


class SourceNgrams(nn.Module):
    """Add a learnt vector for each n-gram that surrounds a token, n = 2, 3 ... `longest`.

    What takes attention many updates to find out, that letters mean something else beside other letters, is looked up
    instead. N-grams share the rows of a table by their hash where there are more of them than rows (Bojanowski et al.
    2017, section 3.2). All vectors start at zero: as if there were none.
    """

    def __init__(self, config: SourceNgramsConfig, size: int, d_model: int) -> None:
        super().__init__()
        self.size, self.scale, self.p = size, math.sqrt(d_model), config.dropout
        self.tables = nn.ParameterList(
            torch.zeros(min(size**n, config.rows), d_model) for n in range(2, config.longest + 1)
        )

    def forward(
        self, embedded: Float[Tensor, "B S M"], ids: Int[Tensor, "B S"], mask: Bool[Tensor, "B 1 1 S"]
    ) -> Float[Tensor, "B S M"]:
        ids = ids.masked_fill(~mask[:, 0, 0], PAD)
        for n, table in enumerate(self.tables, start=2):
            kept_BS1 = kernels.dropout(embedded.new_full((*ids.shape, 1), self.scale), self.p if self.training else 0.0)
            embedded = torch.addcmul(embedded, kernels.embedding(table, self.rows(ids, n, len(table))), kept_BS1)
        return embedded

    def rows(self, ids: Int[Tensor, "B S"], n: int, entries: int) -> Int[Tensor, "B S"]:
        """Return the row of the n-gram around each token: n // 2 tokens before it, the others from it on.

        What lies beyond the ends counts as padding, so that a sentence has the same n-grams in every batch.
        """
        padded = F.pad(ids, (n // 2, n - 1 - n // 2), value=PAD)
        number = torch.zeros_like(ids)
        for tokens in padded.unfold(1, n, 1).unbind(-1):
            number = number * self.size + tokens
        if self.size**n <= entries:
            return number
        return (((number * _GOLDEN) & _MASK) * entries) >> 32


_GOLDEN, _MASK = 0x9E3779B1, 0xFFFFFFFF
"""Multiplying by the first spreads numbers over 32 bits, the upper ones best (Knuth 1998, section 6.4)."""
