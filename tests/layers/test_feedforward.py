import math

import pytest
import torch
from torch import nn
from torch.autograd import gradcheck
from torch.testing import assert_close

from regard.layers.configs import GELUConfig, ReLUConfig, SwiGLUConfig
from regard.layers.feedforward import FeedForward, GELUFeedForward, ReLUFeedForward, SwiGLUFeedForward
from regard.layers.noise import Noise
from tests.tolerances import SAME_MATH

KINDS = {
    "relu": (ReLUFeedForward, ReLUConfig()),
    "gelu": (GELUFeedForward, GELUConfig()),
    "swiglu": (SwiGLUFeedForward, SwiGLUConfig()),
}


@pytest.fixture(params=KINDS)
def layer(request: pytest.FixtureRequest) -> FeedForward:
    kind, config = KINDS[request.param]
    return kind(config, 4, 6, dropout=0.5)


@torch.no_grad()
def simple(name: str, *inner: float) -> FeedForward:
    """Return a layer from 1 feature over 2 to 1, which adds up its inner features: x times each of `inner`."""
    kind, config = KINDS[name]
    layer = kind(config, 1, 2, dropout=0.0)
    layer.widen.weight.copy_(torch.tensor(inner)[:, None])
    layer.narrow.weight.fill_(1.0)
    for part in layer.children():
        nn.init.zeros_(part.bias)
    return layer


@torch.no_grad()
def test_relu_by_hand() -> None:
    layer = simple("relu", 2.0, -3.0)
    assert layer(torch.tensor([[[1.0], [-1.0]]])).flatten().tolist() == [2.0, 3.0]
    layer.widen.bias.copy_(torch.tensor([1.0, 4.0]))
    layer.narrow.bias.fill_(0.5)
    assert layer(torch.tensor([[[1.0]]])).item() == 2.0 + 1.0 + (-3.0 + 4.0) + 0.5


@torch.no_grad()
def test_gelu_by_hand() -> None:
    below_one = 0.8413447460685429  # share of a normal distribution below one deviation
    assert_close(simple("gelu", 1.0, -1.0)(torch.ones(1, 1, 1)).item(), below_one - (1 - below_one))


@torch.no_grad()
def test_swiglu_by_hand() -> None:
    layer = simple("swiglu", 2.0, 10.0)
    layer.gate.weight.copy_(torch.tensor([[math.log(3.0)], [0.0]]))  # silu: ln 3 · 3/4, and 0
    assert_close(layer(torch.ones(1, 1, 1)).item(), 2 * math.log(3.0) * 0.75)


def test_every_position_is_for_itself(layer: FeedForward) -> None:
    x = torch.randn(2, 3, 4)
    alone = torch.stack([layer.eval()(x[:, [place]])[:, 0] for place in range(3)], dim=1)
    assert_close(layer(x), alone, **SAME_MATH)


def test_dropout_falls_on_the_inner_features(layer: FeedForward) -> None:
    x, noise = torch.randn(2, 3, 4), Noise(1)
    inner = layer.bend(x, 0.0)
    with noise.at(1):
        mask = noise.mask(inner, 0.5)
    with noise.at(1):
        assert_close(layer(x), layer.narrow(inner * mask), **SAME_MATH)
    assert_close(layer.eval()(x), layer.narrow(inner), **SAME_MATH)


def test_gradients_are_those_of_small_differences(layer: FeedForward) -> None:
    x = torch.randn(2, 3, 4, dtype=torch.float64, requires_grad=True)
    assert gradcheck(layer.double().eval(), x)
