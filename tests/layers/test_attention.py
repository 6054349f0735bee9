import math

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import gradcheck
from torch.testing import assert_close

from regard.errors import ConfigError
from regard.layers import attention
from regard.layers.attention import (
    CausalSelfAttention,
    EncoderDecoderAttention,
    MultiHeadAttention,
    SelfAttention,
    attend,
    attention_weights,
    observed,
)
from regard.layers.cache import KeyValueCache, NoCache
from regard.layers.configs import NoPositionsConfig
from regard.layers.noise import Noise
from regard.layers.positions import Positions
from tests.observers import Recorder, SilencedContext, SilencedWeights, observing
from tests.tolerances import SAME_MATH

NOWHERE = Positions(NoPositionsConfig(), 8, 2, causal=True)
ALL = torch.ones(1, 1, 1, 5, dtype=torch.bool)


def test_weights_by_hand() -> None:
    q, k = torch.ones(1, 1, 1, 1), torch.tensor([0.0, math.log(3.0)]).view(1, 1, 2, 1)
    assert_close(attention_weights(q, k).flatten(), torch.tensor([0.25, 0.75]))
    bias = torch.tensor([math.log(3.0), 0.0]).view(1, 1, 1, 2)
    assert_close(attention_weights(q, k, bias=bias).flatten(), torch.tensor([0.5, 0.5]))
    mask = torch.tensor([True, False]).view(1, 1, 1, 2)
    assert attention_weights(q, k, mask).flatten().tolist() == [1.0, 0.0]


def test_scores_are_divided_by_the_root_of_the_head_size() -> None:
    q = torch.ones(1, 1, 1, 4)
    k = torch.stack((torch.zeros(4), torch.full((4,), math.log(3.0) / 2)))[None, None]  # q·k = 2 ln 3, √D = 2
    assert_close(attention_weights(q, k).flatten(), torch.tensor([0.25, 0.75]))


def test_the_average_by_hand() -> None:
    q, k = torch.ones(1, 1, 1, 1), torch.tensor([0.0, math.log(3.0)]).view(1, 1, 2, 1)
    v = torch.tensor([4.0, 8.0]).view(1, 1, 2, 1)
    assert_close(attend(q, k, v).item(), 7.0)
    assert_close(attend(q, k, v, observer=Recorder()).item(), 7.0)


def test_causal_weights_by_hand() -> None:
    q = k = torch.zeros(1, 1, 3, 2)
    rows = [[1.0, 0.0, 0.0], [1 / 2, 1 / 2, 0.0], [1 / 3, 1 / 3, 1 / 3]]
    assert_close(attention_weights(q, k, causal=True)[0, 0], torch.tensor(rows))
    assert_close(attention_weights(q[:, :, 1:], k, causal=True)[0, 0], torch.tensor(rows[1:]))


def test_an_observer_sees_the_call_and_the_context() -> None:
    q, k, v = torch.randn(2, 2, 3, 4), torch.randn(2, 2, 5, 4), torch.randn(2, 2, 5, 4)
    mask, recorder = torch.arange(5) < torch.tensor([5, 2]).view(2, 1, 1, 1), Recorder()
    out = attend(q, k, v, mask, observer=recorder)
    (call,) = recorder.calls
    assert call.q is q
    assert call.k is k
    assert call.v is v
    assert call.mask is mask
    assert_close(call.weights, attention_weights(q, k, mask))
    assert recorder.contexts[0] is out


@pytest.mark.parametrize("silence", [SilencedWeights, SilencedContext])
def test_a_silenced_head_finds_nothing(silence: type[SilencedWeights]) -> None:
    q, k, v = (torch.randn(2, 2, 3, 4) for _ in range(3))
    plain, silenced = attend(q, k, v), attend(q, k, v, observer=silence(head=1, rows=slice(0, 1)))
    assert (silenced[0, 1] == 0).all()
    assert_close(silenced[0, 0], plain[0, 0], **SAME_MATH)
    assert_close(silenced[1], plain[1], **SAME_MATH)


def test_unobserved_attention_never_computes_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = SelfAttention(d_model=8, heads=2)
    monkeypatch.setattr(attention, "attention_weights", None)
    layer(torch.randn(1, 5, 8), ALL, NOWHERE)


def test_several_heads_are_several_attentions() -> None:
    layer, x, memory = EncoderDecoderAttention(d_model=6, heads=2), torch.randn(2, 3, 6), torch.randn(2, 5, 6)
    mask = torch.arange(5) < torch.tensor([5, 3]).view(2, 1, 1, 1)
    heads = []
    for rows in (slice(0, 3), slice(3, 6)):
        q, k, v = (
            part(y)[:, None, :, rows] for part, y in ((layer.query, x), (layer.key, memory), (layer.value, memory))
        )
        heads.append(attend(q, k, v, mask)[:, 0])
    assert_close(layer(x, layer.keys_values(memory), mask), layer.output(torch.cat(heads, dim=-1)), **SAME_MATH)


@torch.no_grad()
def test_shared_keys_and_values_are_the_same_for_every_head_of_a_group() -> None:
    shared, full = SelfAttention(8, heads=4, key_value_heads=2), SelfAttention(8, heads=4)
    assert shared.key.weight.shape == (4, 8)
    full.query, full.output = shared.query, shared.output
    for small, large in ((shared.key, full.key), (shared.value, full.value)):
        for name in ("weight", "bias"):
            heads = getattr(small, name).unflatten(0, (2, 2))
            getattr(large, name).copy_(heads.repeat_interleave(2, dim=0).flatten(0, 1))
    x = torch.randn(1, 5, 8)
    assert_close(shared(x, ALL, NOWHERE), full(x, ALL, NOWHERE), **SAME_MATH)


@pytest.mark.parametrize("cuts", [[1, 1, 1, 1, 1, 1], [6], [4, 2], [1, 3, 2]], ids=str)
@torch.no_grad()
def test_a_cached_run_in_pieces_is_the_run_at_once(cuts: list[int]) -> None:
    layer, x, cache, pieces = CausalSelfAttention(d_model=8, heads=2), torch.randn(2, 6, 8), KeyValueCache(), []
    for piece in x.split(cuts, dim=1):
        cache = cache.advance()
        pieces.append(layer(piece, NOWHERE, cache))
    assert cache.length == 6
    assert_close(torch.cat(pieces, dim=1), layer(x, NOWHERE, NoCache()), **SAME_MATH)


def test_masked_keys_cannot_be_seen() -> None:
    layer, x = SelfAttention(d_model=8, heads=2), torch.randn(1, 5, 8)
    mask, changed = torch.tensor([True, True, True, False, False]).view(1, 1, 1, 5), x.clone()
    changed[:, 3:] = 100.0
    assert_close(layer(changed, mask, NOWHERE)[:, :3], layer(x, mask, NOWHERE)[:, :3], **SAME_MATH)


def test_the_gradients_are_those_of_small_differences() -> None:
    x = torch.randn(2, 3, 8, dtype=torch.float64, requires_grad=True)
    memory = torch.randn(2, 5, 8, dtype=torch.float64, requires_grad=True)
    mask = torch.arange(5) < torch.tensor([5, 3]).view(2, 1, 1, 1)
    own, causal, source = (
        kind(8, 4, 0.0, 2).double() for kind in (SelfAttention, CausalSelfAttention, EncoderDecoderAttention)
    )

    def run(x: Tensor, memory: Tensor) -> Tensor:
        y = causal(x, NOWHERE, NoCache())
        return source(y, source.keys_values(own(memory, mask, NOWHERE)), mask)

    assert gradcheck(run, (x, memory))


def test_weights_are_dropped_only_in_training() -> None:
    layer, x, noise = SelfAttention(d_model=8, heads=2, dropout=0.5), torch.randn(1, 5, 8), Noise(1)
    with noise.at(1):
        dropped = layer(x, ALL, NOWHERE)
    with noise.at(1), observing(layer, Recorder):
        assert_close(layer(x, ALL, NOWHERE), dropped, **SAME_MATH)
    assert not torch.allclose(layer.eval()(x, ALL, NOWHERE), dropped)
    assert layer.dropout == 0.0


def test_every_attention_of_a_model_has_a_name() -> None:
    model = nn.ModuleDict({"a": SelfAttention(8, 2), "b": nn.Sequential(nn.Linear(2, 2), CausalSelfAttention(8, 2))})
    assert {name: type(part) for name, part in observed(model).items()} == {
        "a": SelfAttention,
        "b.1": CausalSelfAttention,
    }


def test_the_errors_name_both_numbers() -> None:
    with pytest.raises(ConfigError, match="heads: 3 heads do not divide d_model=8"):
        MultiHeadAttention(d_model=8, heads=3)
    with pytest.raises(ConfigError, match="key_value_heads: 3 do not divide heads=4"):
        MultiHeadAttention(d_model=8, heads=4, key_value_heads=3)
