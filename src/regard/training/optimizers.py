"""How gradients change weights. Each optimizer works on whole vectors, in float32, and renews what the model sees.

The learning rate of a step is the config's rate times the schedule's factor. Gradients are given in the type that the
model computes in, and what to multiply them by.
"""

import math

import torch
from torch import Tensor

from regard.layers import kernels
from regard.registry import load_object
from regard.training.configs import AdamWConfig, MuonConfig, OptimizerConfig
from regard.training.weights import Weights


class Adam:
    """Adam (Kingma & Ba 2015), with bias correction."""

    def __init__(self, config: OptimizerConfig, weights: Weights, first: int = 0) -> None:
        self.config, self.weights, self._part = config, weights, slice(first, None)
        self.mean, self.square = (
            torch.zeros_like(weights.master[self._part]),
            torch.zeros_like(weights.master[self._part]),
        )

    def state(self) -> dict[str, Tensor]:
        """Return what must be kept to go on later, by name."""
        return {"adam.mean": self.mean, "adam.square": self.square}

    def step(self, gradient: Tensor, step: int, factor: float, scale: float = 1.0) -> None:
        """Change the masters; `step` counts from 1."""
        c, masters, working = self.config, self.weights.master[self._part], self.weights.working[self._part]
        rate, unbias = c.rate * factor / (1 - c.beta1**step), 1 / math.sqrt(1 - c.beta2**step)
        means = kernels.Means(self.mean, self.square, c.beta1, c.beta2)
        settings = {"scale": scale, "rate": rate, "unbias": unbias, "epsilon": c.epsilon}
        kernels.adam(masters, working, gradient[self._part], means, **settings)


class AdamW(Adam):
    """Adam, and decay of every matrix towards zero (Loshchilov & Hutter 2019)."""

    config: AdamWConfig

    def step(self, gradient: Tensor, step: int, factor: float, scale: float = 1.0) -> None:
        for tensor in self.weights.named(self.weights.master).values():
            if tensor.ndim >= 2:
                tensor.mul_(1 - self.config.rate * factor * self.config.decay)
        super().step(gradient, step, factor, scale)


class Muon(Adam):
    """Momentum made orthogonal for every hidden matrix (Jordan et al. 2024), and Adam for all else.

    Every direction of a matrix then learns at the same speed, which on small data reaches the same loss in far
    fewer steps. Matrices of one shape are treated as one batch.
    """

    config: MuonConfig

    def __init__(self, config: MuonConfig, weights: Weights) -> None:
        super().__init__(config, weights, first=weights.matrix_entries)
        self.momentum = torch.zeros_like(weights.master[: weights.matrix_entries])
        shapes: dict[torch.Size, list[str]] = {}
        for name in weights.matrices:
            shapes.setdefault(weights.view(weights.master, name).shape, []).append(name)
        self._shapes = shapes

    def state(self) -> dict[str, Tensor]:
        return super().state() | {"muon.momentum": self.momentum}

    def step(self, gradient: Tensor, step: int, factor: float, scale: float = 1.0) -> None:
        super().step(gradient, step, factor, scale)
        c, w = self.config, self.weights
        g = gradient[: len(self.momentum)].to(self.momentum.dtype) * scale
        self.momentum.lerp_(g, 1 - c.momentum)
        ahead = torch.lerp(g, self.momentum, c.momentum)  # Nesterov
        rate = c.matrix_rate * factor
        for (rows, columns), names in self._shapes.items():
            matrices = torch.stack([w.view(ahead, name) for name in names])
            updates = orthogonal(matrices.to(w.working.dtype), c.rounds)  # bfloat16 will do: directions, not sizes
            for name, update in zip(names, updates, strict=True):
                matrix = w.view(w.master, name)
                matrix.mul_(1 - rate * c.decay).add_(update, alpha=-rate * math.sqrt(max(1.0, rows / columns)))
        w.publish(slice(0, len(self.momentum)))


def orthogonal(matrices: Tensor, rounds: int) -> Tensor:
    """Return matrices (N, rows, columns) with all singular values near 1, and the same singular vectors.

    A Newton-Schulz iteration; five rounds with these coefficients bring values between 0.01 and 1 to within about
    0.7 and 1.2 (Jordan et al. 2024), fewer leave small ones smaller.
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    x = matrices.transpose(1, 2) if matrices.size(1) > matrices.size(2) else matrices
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(rounds):
        product = x @ x.transpose(1, 2)
        x = torch.baddbmm(x, torch.baddbmm(product, product, product, beta=b, alpha=c), x, beta=a)
    return x.transpose(1, 2) if matrices.size(1) > matrices.size(2) else x


def build_optimizer(config: OptimizerConfig, weights: Weights) -> Adam:
    """Make the optimizer that the config names."""
    return load_object(config.part)(config, weights)


def clipping(norm: float, longest: float) -> float:
    """Return what to multiply a gradient of some norm by, so that it is not longer than allowed (0 = leave it)."""
    return longest / norm if longest and longest < norm < math.inf else 1.0
