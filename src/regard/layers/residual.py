"""Residual connections around a sub-layer, with the norm after it (2017) or before it; and the norms.

Axes    B sentences · T positions · M model size
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from regard.layers import kernels
from regard.layers.configs import LayerNormConfig, NormConfig, ResidualConfig, RMSNormConfig
from regard.registry import load_object


class Norm(nn.Module):
    """What every norm has: a learnt scale for each feature."""

    bias: nn.Parameter | None

    def __init__(self, config: NormConfig, d_model: int) -> None:
        super().__init__()
        self.epsilon = config.epsilon
        self.weight = nn.Parameter(torch.ones(d_model))

    def after(
        self, x: Float[Tensor, "B T M"], branch: Float[Tensor, "B T M"], p: float
    ) -> tuple[Float[Tensor, "B T M"], Float[Tensor, "B T M"]]:
        """Return x + dropout(branch), and the norm of that."""
        return kernels.add_norm(x, branch, self.weight, self.bias, self.epsilon, p)


class LayerNorm(Norm):
    """Mean 0 and variance 1 over the features, then scale and shift (Ba et al. 2016)."""

    bias: nn.Parameter

    def __init__(self, config: LayerNormConfig, d_model: int) -> None:
        super().__init__(config, d_model)
        self.bias = nn.Parameter(torch.zeros(d_model))

    def forward(self, x: Float[Tensor, "B T M"]) -> Float[Tensor, "B T M"]:
        return kernels.layer_norm(x, self.weight, self.bias, self.epsilon)


class RMSNorm(Norm):
    """Root mean square 1 over the features, then scale (Zhang & Sennrich 2019)."""

    bias: None

    def __init__(self, config: RMSNormConfig, d_model: int) -> None:
        super().__init__(config, d_model)
        self.bias = None

    def forward(self, x: Float[Tensor, "B T M"]) -> Float[Tensor, "B T M"]:
        return kernels.rms_norm(x, self.weight, self.epsilon)


def build_norm(config: NormConfig, d_model: int) -> nn.Module:
    """Make the norm that the config names."""
    return load_object(config.part)(config, d_model)


class Stream(NamedTuple):
    """What runs along the residual connections: vectors, and a branch that has yet to be dropped out and added to them.

    A sum and the norm behind it are one kernel, so a sub-layer may leave its sum to whoever normalises it.
    """

    x: Float[Tensor, "B T M"]
    branch: Float[Tensor, "B T M"] | None = None
    p: float = 0.0

    def normed(self, norm: nn.Module) -> tuple[Float[Tensor, "B T M"], Float[Tensor, "B T M"]]:
        """Return x + dropout(branch), and its norm."""
        if self.branch is None:
            return self.x, norm(self.x)
        total: tuple[Tensor, Tensor] = norm.after(self.x, self.branch, self.p)  # type: ignore[operator]
        return total


class PostNorm(nn.Module):
    """norm(x + dropout(sublayer(x))): the original order (Vaswani et al. 2017, section 3.1)."""

    def __init__(self, config: ResidualConfig, norm: NormConfig, d_model: int, dropout: float) -> None:
        super().__init__()
        self.norm, self.p = build_norm(norm, d_model), dropout

    def forward(self, stream: Stream, sublayer: Callable[[Tensor], Tensor]) -> Stream:
        _, x = self.add(stream.x, sublayer(stream.x)).normed(self.norm)
        return Stream(x)

    def add(self, x: Float[Tensor, "B T M"], branch: Float[Tensor, "B T M"]) -> Stream:
        """Return x + dropout(branch), which is not added up yet."""
        return Stream(x, branch, self.p if self.training else 0.0)

    @staticmethod
    def final(norm: NormConfig, d_model: int) -> nn.Module:
        """Return what closes a stack: nothing, since every layer ends in a norm."""
        return nn.Identity()


class PreNorm(PostNorm):
    """x + dropout(sublayer(norm(x))): steadier to train when deep (Xiong et al. 2020)."""

    def forward(self, stream: Stream, sublayer: Callable[[Tensor], Tensor]) -> Stream:
        x, normed = stream.normed(self.norm)
        return self.add(x, sublayer(normed))

    @staticmethod
    def final(norm: NormConfig, d_model: int) -> nn.Module:
        """Return what closes a stack: a norm, since the sum of all layers has none yet."""
        return build_norm(norm, d_model)
