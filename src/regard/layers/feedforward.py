"""Position-wise feed-forward layers.

Axes    B sentences · T positions · M model size · F inner size
Source  Vaswani et al. 2017, section 3.3; Shazeer 2020
"""

from abc import ABC, abstractmethod

from jaxtyping import Float
from torch import Tensor, nn

from regard.layers import kernels
from regard.layers.configs import FeedForwardConfig


class FeedForward(nn.Module, ABC):
    """Widen, bend, narrow: every position for itself. Subclasses say how to bend."""

    def __init__(
        self, config: FeedForwardConfig, d_model: int, d_ff: int, dropout: float, *, biases: bool = True
    ) -> None:
        super().__init__()
        self.widen, self.narrow = kernels.Linear(d_model, d_ff, bias=biases), kernels.Linear(d_ff, d_model, bias=biases)
        self.p = dropout

    def forward(self, x: Float[Tensor, "B T M"]) -> Float[Tensor, "B T M"]:
        return self.narrow(self.bend(x, self.p if self.training else 0.0))

    @abstractmethod
    def bend(self, x: Float[Tensor, "B T M"], dropout: float) -> Float[Tensor, "B T F"]:
        """Return the inner features, some of them dropped."""


class ReLUFeedForward(FeedForward):
    """max(0, x W1 + b1) W2 + b2: equation 2."""

    def bend(self, x: Float[Tensor, "B T M"], dropout: float) -> Float[Tensor, "B T F"]:
        return kernels.relu_dropout(self.widen(x), dropout)


class GELUFeedForward(FeedForward):
    """The same with GELU (Hendrycks & Gimpel 2016)."""

    def bend(self, x: Float[Tensor, "B T M"], dropout: float) -> Float[Tensor, "B T F"]:
        return kernels.gelu_dropout(self.widen(x), dropout)


class SiLUFeedForward(FeedForward):
    """The same with SiLU, x · sigmoid(x) (Elfwing et al. 2017)."""

    def bend(self, x: Float[Tensor, "B T M"], dropout: float) -> Float[Tensor, "B T F"]:
        return kernels.silu_dropout(self.widen(x), dropout)


class SwiGLUFeedForward(FeedForward):
    """(silu(x W) * x V) W2: one product decides how much of the other passes (Shazeer 2020, equation 6)."""

    def __init__(
        self, config: FeedForwardConfig, d_model: int, d_ff: int, dropout: float, *, biases: bool = True
    ) -> None:
        super().__init__(config, d_model, d_ff, dropout, biases=biases)
        self.gate = kernels.Linear(d_model, d_ff, bias=biases)

    def bend(self, x: Float[Tensor, "B T M"], dropout: float) -> Float[Tensor, "B T F"]:
        gate, widened = kernels.projections(x, self.gate, self.widen)
        return kernels.swiglu_dropout(gate, widened, dropout)


class GEGLUFeedForward(SwiGLUFeedForward):
    """(gelu(x W) * x V) W2, with GELU by tanh (Shazeer 2020, equation 6)."""

    def bend(self, x: Float[Tensor, "B T M"], dropout: float) -> Float[Tensor, "B T F"]:
        gate, widened = kernels.projections(x, self.gate, self.widen)
        return kernels.geglu_dropout(gate, widened, dropout)
