"""Embeddings of source and target, and the projection to logits: three matrices, of which some may be one.

Axes    B sentences · T positions · M model size · V vocabulary
Source  Vaswani et al. 2017, section 3.4
"""

import math
from abc import ABC, abstractmethod

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from regard.errors import ConfigError
from regard.layers import kernels
from regard.layers.configs import EmbeddingsConfig
from regard.text.vocabulary import PAD


class Embeddings(nn.Module, ABC):
    """Base of the three ways to tie: embeddings are scaled by √d_model unless told not to, logits may have a bias."""

    def __init__(
        self, config: EmbeddingsConfig, source_size: int, target_size: int, d_model: int, *, biases: bool = True
    ) -> None:
        super().__init__()
        self.scale = math.sqrt(d_model) if config.scaled else 1.0
        self.output_bias = nn.Parameter(torch.zeros(target_size)) if biases else None
        self.make_tables(source_size, target_size, d_model)

    @abstractmethod
    def make_tables(self, source_size: int, target_size: int, d_model: int) -> None:
        """Create the parameters."""

    @abstractmethod
    def tables(self) -> tuple[nn.Parameter, nn.Parameter, nn.Parameter]:
        """Return the matrices (V M) of source, target and output."""

    def source(self, ids: Int[Tensor, "B S"]) -> Float[Tensor, "B S M"]:
        """Embed source tokens."""
        return kernels.embedding(self.tables()[0], ids) * self.scale

    def target(self, ids: Int[Tensor, "B T"]) -> Float[Tensor, "B T M"]:
        """Embed target tokens."""
        return kernels.embedding(self.tables()[1], ids) * self.scale

    def logits(self, x: Float[Tensor, "B T M"]) -> Float[Tensor, "B T V"]:
        """Project to a number for each entry of the target vocabulary."""
        return kernels.linear(x, self.tables()[2], self.output_bias)

    def cross_entropy(
        self, x: Float[Tensor, "B T M"], targets: Int[Tensor, "B T"], smoothing: float
    ) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
        """Return the label-smoothed and the plain `kernels.cross_entropy` of the logits."""
        rows, table = x.flatten(0, 1), self.tables()[2]
        return kernels.projected_cross_entropy(
            rows, table, self.output_bias, targets.flatten(), smoothing=smoothing, ignore=PAD
        )


def new_table(size: int, d_model: int) -> nn.Parameter:
    """Make a matrix whose scaled rows have variance 1 and which projects to logits of variance 1."""
    return nn.Parameter(torch.randn(size, d_model) * d_model**-0.5)


class SeparateEmbeddings(Embeddings):
    """Three matrices."""

    def make_tables(self, source_size: int, target_size: int, d_model: int) -> None:
        self.source_table = new_table(source_size, d_model)
        self.target_table = new_table(target_size, d_model)
        self.output_table = new_table(target_size, d_model)

    def tables(self) -> tuple[nn.Parameter, nn.Parameter, nn.Parameter]:
        return self.source_table, self.target_table, self.output_table


class TwoWayEmbeddings(Embeddings):
    """Target and output share a matrix (Press & Wolf 2017)."""

    def make_tables(self, source_size: int, target_size: int, d_model: int) -> None:
        self.source_table = new_table(source_size, d_model)
        self.target_table = new_table(target_size, d_model)

    def tables(self) -> tuple[nn.Parameter, nn.Parameter, nn.Parameter]:
        return self.source_table, self.target_table, self.target_table


class ThreeWayEmbeddings(Embeddings):
    """Source, target and output share a matrix (section 3.4)."""

    def make_tables(self, source_size: int, target_size: int, d_model: int) -> None:
        if source_size != target_size:
            hint = "use 'two-way', or one tokenizer for both sides"
            raise ConfigError("'three-way' needs one vocabulary for both sides", where="embeddings", hint=hint)
        self.table = new_table(source_size, d_model)

    def tables(self) -> tuple[nn.Parameter, nn.Parameter, nn.Parameter]:
        return self.table, self.table, self.table
