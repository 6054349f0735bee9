import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import gradcheck
from torch.testing import assert_close

from regard.layers.configs import LayerNormConfig, NormConfig, PostNormConfig, PreNormConfig, RMSNormConfig
from regard.layers.noise import Noise
from regard.layers.residual import LayerNorm, PostNorm, PreNorm, RMSNorm, Stream, build_norm
from tests.tolerances import SAME_MATH

EXACT = LayerNormConfig(epsilon=1e-12)
X = torch.tensor([[[1.0, 3.0]]])


def through(residual: nn.Module, x: Tensor, sublayer: Callable[[Tensor], Tensor]) -> Tensor:
    """Return what leaves a residual connection, all of it added up."""
    stream = residual(Stream(x), sublayer)
    return stream.x if stream.branch is None else stream.normed(LayerNorm(EXACT, x.size(-1)).to(x.dtype))[0]


def test_layer_norm_by_hand() -> None:
    norm = LayerNorm(EXACT, 2)
    assert_close(norm(X), torch.tensor([[[-1.0, 1.0]]]))
    nn.init.constant_(norm.weight, 5.0)
    nn.init.constant_(norm.bias, 2.0)
    assert_close(norm(X), torch.tensor([[[-3.0, 7.0]]]))


def test_root_mean_square_norm_by_hand() -> None:
    norm, root = RMSNorm(RMSNormConfig(epsilon=1e-12), 2), math.sqrt(5.0)
    assert_close(norm(X), torch.tensor([[[1 / root, 3 / root]]]))
    nn.init.constant_(norm.weight, 5.0)
    assert_close(norm(X), torch.tensor([[[root, 3 * root]]]))


def test_epsilon_is_added_to_the_variance() -> None:
    assert_close(LayerNorm(LayerNormConfig(epsilon=3.0), 2)(X), torch.tensor([[[-0.5, 0.5]]]))
    assert_close(RMSNorm(RMSNormConfig(epsilon=4.0), 2)(X), X / 3)


def test_the_two_orders_by_hand() -> None:
    def sublayer(x: Tensor) -> Tensor:
        return x * torch.tensor([1.0, 2.0])

    post, pre = PostNorm(PostNormConfig(), EXACT, 2, 0.0), PreNorm(PreNormConfig(), EXACT, 2, 0.0)
    assert_close(through(post, X, sublayer), torch.tensor([[[-1.0, 1.0]]]))  # the norm of (1, 3) + (1, 6)
    assert_close(through(pre, X, sublayer), torch.tensor([[[0.0, 5.0]]]))  # (1, 3) + (-1, 2)


def test_a_branch_that_waits_is_added_before_the_next_norm() -> None:
    stream = PreNorm(PreNormConfig(), EXACT, 2, 0.0)(Stream(X), lambda x: x * torch.tensor([1.0, 2.0]))
    assert_close(stream.normed(LayerNorm(EXACT, 2)), (torch.tensor([[[0.0, 5.0]]]), torch.tensor([[[-1.0, 1.0]]])))


def test_only_the_order_with_the_norm_before_closes_a_stack_with_one() -> None:
    assert_close(PreNorm.final(EXACT, 2)(X), torch.tensor([[[-1.0, 1.0]]]))
    assert PostNorm.final(EXACT, 2)(X) is X


def test_dropout_falls_on_the_branch_alone() -> None:
    residual, x, noise = PreNorm(PreNormConfig(), EXACT, 8, 0.5), torch.randn(2, 5, 8), Noise(1)
    with noise.at(1):
        mask = noise.mask(x, 0.5)
    with noise.at(1):
        assert_close(through(residual, x, torch.ones_like), x + mask)
    assert_close(through(residual.eval(), x, torch.ones_like), x + 1)


@pytest.mark.parametrize("norm", [LayerNormConfig(), RMSNormConfig()], ids=lambda config: config.kind)
@pytest.mark.parametrize("order", [PostNorm, PreNorm])
def test_gradients_are_those_of_small_differences(norm: NormConfig, order: Callable[..., nn.Module]) -> None:
    residual = order(PostNormConfig(), norm, 4, 0.0).double()
    x = torch.randn(2, 3, 4, dtype=torch.float64, requires_grad=True)
    assert gradcheck(lambda x: through(residual, x, torch.tanh), x)


def test_a_norm_is_made_from_its_config() -> None:
    x = torch.randn(2, 3, 4)
    assert isinstance(build_norm(RMSNormConfig(), 4), RMSNorm)
    assert_close(build_norm(LayerNormConfig(), 4)(x), nn.LayerNorm(4)(x), **SAME_MATH)
