"""Residual connections around a sub-layer, with the norm after it (2017) or before it; and the norms.

Axes    B sentences · T positions · M model size
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from regard.layers import kernels
from regard.layers.configs import LayerNormConfig, NormConfig, ResidualConfig, RMSNormConfig
from regard.registry import load_object


class Norm(nn.Module):
    """What every norm has: a learnt scale for each feature."""

    def __init__(self, config: NormConfig, d_model: int) -> None:
        super().__init__()
        self.epsilon = config.epsilon
        self.weight = nn.Parameter(torch.ones(d_model))


class LayerNorm(Norm):
    """Mean 0 and variance 1 over the features, then scale and shift (Ba et al. 2016)."""

    def __init__(self, config: LayerNormConfig, d_model: int) -> None:
        super().__init__(config, d_model)
        self.bias = nn.Parameter(torch.zeros(d_model))

    def forward(self, x: Float[Tensor, "B T M"]) -> Float[Tensor, "B T M"]:
        return kernels.layer_norm(x, self.weight, self.bias, self.epsilon)


class RMSNorm(Norm):
    """Root mean square 1 over the features, then scale (Zhang & Sennrich 2019)."""

    def __init__(self, config: RMSNormConfig, d_model: int) -> None:
        super().__init__(config, d_model)

    def forward(self, x: Float[Tensor, "B T M"]) -> Float[Tensor, "B T M"]:
        return kernels.rms_norm(x, self.weight, self.epsilon)


def build_norm(config: NormConfig, d_model: int) -> nn.Module:
    """Make the norm that the config names."""
    return load_object(config.part)(config, d_model)


class PostNorm(nn.Module):
    """norm(x + dropout(sublayer(x))): the original order (Vaswani et al. 2017, section 3.1)."""

    def __init__(self, config: ResidualConfig, norm: NormConfig, d_model: int, dropout: float) -> None:
        super().__init__()
        self.norm, self.p = build_norm(norm, d_model), dropout

    def forward(self, x: Float[Tensor, "B T M"], sublayer: Callable[[Tensor], Tensor]) -> Float[Tensor, "B T M"]:
        return self.norm(self.add(x, sublayer(x)))

    def add(self, x: Float[Tensor, "B T M"], branch: Float[Tensor, "B T M"]) -> Float[Tensor, "B T M"]:
        """Return x + dropout(branch)."""
        return kernels.add_dropout(x, branch, self.p if self.training else 0.0)

    @staticmethod
    def final(norm: NormConfig, d_model: int) -> nn.Module:
        """Return what closes a stack: nothing, since every layer ends in a norm."""
        return nn.Identity()


class PreNorm(PostNorm):
    """x + dropout(sublayer(norm(x))): steadier to train when deep (Xiong et al. 2020)."""

    def forward(self, x: Float[Tensor, "B T M"], sublayer: Callable[[Tensor], Tensor]) -> Float[Tensor, "B T M"]:
        return self.add(x, sublayer(self.norm(x)))

    @staticmethod
    def final(norm: NormConfig, d_model: int) -> nn.Module:
        """Return what closes a stack: a norm, since the sum of all layers has none yet."""
        return build_norm(norm, d_model)
