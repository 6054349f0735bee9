import math

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck
from torch.func import functional_call
from torch.testing import assert_close

from regard.errors import ConfigError
from regard.layers import POSITIONS
from regard.layers.configs import (
    AlibiConfig,
    LearnedConfig,
    NoPositionsConfig,
    PositionsConfig,
    RotaryConfig,
    ShawConfig,
    SinusoidalConfig,
    T5Config,
)
from regard.layers.positions import (
    AlibiPositions,
    LearnedPositions,
    Positions,
    RotaryPositions,
    ShawPositions,
    SinusoidalPositions,
    T5Positions,
    sinusoids,
)
from regard.registry import load_object
from tests.tolerances import SAME_MATH

ZEROS = torch.zeros(1, 5, 8)


def every_kind(causal: bool) -> dict[str, Positions]:
    """Return positions of each kind, for 2 heads of 4 features."""
    configs: dict[str, PositionsConfig] = {name: POSITIONS[name]() for name in POSITIONS}
    return {name: load_object(config.part)(config, 8, 2, causal=causal) for name, config in configs.items()}


def test_no_positions_change_nothing() -> None:
    positions, x, q = Positions(NoPositionsConfig(), 8, 2, causal=False), torch.randn(1, 5, 8), torch.randn(1, 2, 5, 4)
    assert positions.add(x) is x
    assert positions.rotate(q) is q
    assert positions.bias(q, 5) is None


@pytest.mark.parametrize("causal", [False, True], ids=["encoder", "decoder"])
@pytest.mark.parametrize("name", POSITIONS)
def test_going_on_from_a_cache_is_going_through_at_once(name: str, causal: bool) -> None:
    positions, x, q = every_kind(causal)[name], torch.randn(3, 7, 8), torch.randn(3, 2, 7, 4)
    assert_close(positions.add(x[:, 4:], first=4), positions.add(x)[:, 4:], **SAME_MATH)
    assert_close(positions.rotate(q[:, :, 4:], first=4), positions.rotate(q)[:, :, 4:], **SAME_MATH)
    late, all_ = positions.bias(q[:, :, 4:], 7, first=4), positions.bias(q, 7)
    assert (late is None) == (all_ is None)
    if late is not None and all_ is not None:
        assert_close(late, all_[:, :, 4:], **SAME_MATH)


@pytest.mark.parametrize("name", POSITIONS)
def test_types_stay(name: str) -> None:
    positions = every_kind(causal=False)[name].bfloat16()
    x, q = torch.randn(3, 7, 8).bfloat16(), torch.randn(3, 2, 7, 4).bfloat16()
    bias = positions.bias(q, 7)
    assert positions.add(x).dtype == positions.rotate(q).dtype == torch.bfloat16
    assert bias is None or bias.dtype == torch.bfloat16


@pytest.mark.parametrize("name", POSITIONS)
def test_gradients_are_those_of_small_differences(name: str) -> None:
    positions = every_kind(causal=False)[name].double()
    names, tables = zip(*[*positions.named_parameters()], strict=True) if [*positions.parameters()] else ((), ())
    x = torch.randn(1, 3, 8, dtype=torch.float64, requires_grad=True)

    def run(x: Tensor, *tables: Tensor) -> Tensor:
        return functional_call(AllHooks(positions), dict(zip(names, tables, strict=True)), (x,))

    assert gradcheck(run, (x, *tables))


def test_sinusoids_are_the_papers() -> None:
    table = SinusoidalPositions(SinusoidalConfig(), 8, 2, causal=False).add(ZEROS)[0]
    assert table[0].tolist() == [0.0, 1.0] * 4
    for position, feature in ((1, 0), (3, 2), (4, 4), (2, 6)):
        angle = position / 10_000 ** (feature / 8)
        assert_close(table[position, feature].item(), math.sin(angle), rtol=1e-5, atol=1e-6)
        assert_close(table[position, feature + 1].item(), math.cos(angle), rtol=1e-5, atol=1e-6)


def test_sinusoids_of_an_odd_size_lack_the_last_cosine() -> None:
    places = torch.arange(4)
    assert sinusoids(places, 5).shape == (4, 5)
    assert_close(sinusoids(places, 5)[:, 4], torch.sin(places / 10_000 ** (4 / 5)), **SAME_MATH)


def test_learned_positions_share_the_last_vector() -> None:
    positions = LearnedPositions(LearnedConfig(longest=3), 8, 2, causal=False)
    assert torch.equal(positions.add(ZEROS)[0], positions.table[[0, 1, 2, 2, 2]])
    assert torch.equal(positions.add(ZEROS, first=1)[0], positions.table[[1, 2, 2, 2, 2]])


def test_rotation_by_hand() -> None:
    positions = RotaryPositions(RotaryConfig(base=100.0), 4, 1, causal=True)  # angles of 1 and 1/10 per position
    x = torch.tensor([1.0, 0.0, 0.0, 1.0]).expand(1, 1, 1, 4)
    rotated = positions.rotate(x, first=2).flatten()
    assert_close(rotated, torch.tensor([math.cos(2), math.sin(2), -math.sin(0.2), math.cos(0.2)]))
    assert torch.equal(positions.rotate(x), x)


def test_products_of_rotated_vectors_depend_on_their_distance_alone() -> None:
    positions = RotaryPositions(RotaryConfig(), 8, 1, causal=True)
    q, k = torch.randn(1, 1, 1, 8, dtype=torch.float64), torch.randn(1, 1, 1, 8, dtype=torch.float64)

    def product(query_at: int, key_at: int) -> Tensor:
        return (positions.rotate(q, query_at) * positions.rotate(k, key_at)).sum()

    assert_close(product(7, 3), product(4, 0), **SAME_MATH)
    assert_close(product(5, 5), (q * k).sum(), **SAME_MATH)
    assert not torch.isclose(product(7, 3), product(3, 7))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_what_translating_has_kept_serves_training_too(dtype: torch.dtype) -> None:
    rotary = RotaryPositions(RotaryConfig(), 8, 2, causal=True)
    x = torch.randn(1, 2, 5, 4, dtype=dtype)
    with torch.inference_mode():
        before = rotary.rotate(x, first=100)
    assert_close(rotary.rotate(x.requires_grad_(), first=100), before.clone())
    rotary.rotate(x).sum().backward()
    assert x.grad is not None


def test_rotary_positions_need_even_heads() -> None:
    with pytest.raises(ConfigError, match="positions: rotary positions need heads of even size, not 3"):
        RotaryPositions(RotaryConfig(), 6, 2, causal=True)


@torch.no_grad()
def test_shaw_by_hand() -> None:
    positions = ShawPositions(ShawConfig(distance=1), 8, 2, causal=False)
    back, here, ahead = positions.table.copy_(torch.eye(3, 4) * 2)  # of keys one or more before, at, after the query
    assert (back.argmax(), here.argmax(), ahead.argmax()) == (0, 1, 2)
    q = torch.tensor([10.0, 20.0, 30.0, 40.0]).expand(1, 2, 3, 4)  # times 2, over √4
    rows = [[20.0, 30.0, 30.0], [10.0, 20.0, 30.0], [10.0, 10.0, 20.0]]
    assert positions.bias(q, 3)[0].tolist() == [rows, rows]


def test_buckets_of_an_encoder_by_hand() -> None:
    """16 for each direction: 8 for 0 to 7, 8 in equal ratios up to 128: ×16 in 8 steps, so √2 each."""
    positions = T5Positions(T5Config(buckets=32, distance=128), 8, 2, causal=False)
    back = {0: 0, 1: 1, 7: 7, 8: 8, 11: 8, 12: 9, 15: 9, 17: 10, 22: 10, 23: 11, 33: 12, 46: 13, 65: 14, 91: 15}
    far = {127: 15, 128: 15, 129: 15, 5000: 15}
    distances, buckets = (torch.tensor([list(numbers)]) for numbers in ((back | far).keys(), (back | far).values()))
    assert torch.equal(positions.bucket(-distances), buckets)
    assert torch.equal(positions.bucket(distances)[:, 1:], buckets[:, 1:] + 16)


def test_buckets_of_a_decoder_by_hand() -> None:
    """All 32 look back: 16 for 0 to 15, 16 in equal ratios up to 128: ×8 in 16 steps."""
    positions = T5Positions(T5Config(buckets=32, distance=128), 8, 2, causal=True)
    back = {0: 0, 15: 15, 16: 16, 18: 16, 19: 17, 20: 17, 21: 18, 46: 24, 113: 31, 112: 30, 128: 31, 900: 31}
    assert positions.bucket(-torch.tensor([list(back)])).tolist() == [list(back.values())]
    assert positions.bucket(torch.tensor([[1, 40]])).tolist() == [[0, 0]]  # the future, which causality hides


def test_t5_adds_a_number_per_head_and_bucket() -> None:
    positions = T5Positions(T5Config(buckets=8, distance=20), 8, 2, causal=False)
    bias = positions.bias(torch.zeros(1, 2, 3, 4), 3)
    assert torch.equal(bias[0, 1, 2], positions.table[1, [2, 1, 0]])  # two before, one before, itself
    assert torch.equal(bias[0, 0, 0], positions.table[0, [0, 5, 6]])  # itself, one ahead, two ahead


def test_alibi_of_eight_heads_has_slopes_of_a_half_to_a_256th() -> None:
    positions = AlibiPositions(AlibiConfig(), 16, 8, causal=True)
    bias = positions.bias(torch.zeros(1, 8, 1, 2), 4, first=3)
    slopes = [1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 32, 1 / 64, 1 / 128, 1 / 256]
    assert bias[0, :, 0].tolist() == [[-3 * slope, -2 * slope, -slope, 0.0] for slope in slopes]


class AllHooks(torch.nn.Module):
    """What the positions do to embeddings, to heads made of these, and to scores, as one output."""

    def __init__(self, positions: Positions) -> None:
        super().__init__()
        self.positions = positions

    def forward(self, x: Tensor) -> Tensor:
        q = self.positions.rotate(self.positions.add(x).unflatten(2, (2, 4)).transpose(1, 2))
        scores, bias = q @ q.transpose(2, 3), self.positions.bias(q, 3)
        return scores if bias is None else scores + bias
