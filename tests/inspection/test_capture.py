import pytest
import torch
from torch.testing import assert_close

from regard.inspection.capture import capture_attention
from regard.layers.attention import attention_weights, observed
from tests.observers import SilencedWeights
from tests.tiny import PAPER, RECURRENT, tiny_batch, tiny_model
from tests.tolerances import SAME_MATH


def test_every_attention_has_its_calls_by_name() -> None:
    model, batch = tiny_model(PAPER), tiny_batch()
    with capture_attention(model) as calls:
        model(batch)
    assert calls.keys() == {
        *("encoder.layers.0.self_attention", "encoder.layers.1.self_attention"),
        *("decoder.layers.0.self_attention", "decoder.layers.1.self_attention"),
        *("decoder.layers.0.source_attention", "decoder.layers.1.source_attention"),
    }
    assert {name: len(found) for name, found in calls.items()} == dict.fromkeys(calls, 1)
    (call,) = calls["decoder.layers.1.source_attention"]
    assert call.weights.shape == (3, 4, 8, 7)
    assert_close(call.weights, attention_weights(call.q, call.k, call.mask), **SAME_MATH)


def test_an_attention_that_walks_through_the_target_has_a_call_for_each_step() -> None:
    model, batch = tiny_model(RECURRENT), tiny_batch()
    with capture_attention(model) as calls:
        model(batch)
    assert [call.weights.shape for call in calls["decoder.attention"]] == [(3, 1, 1, 7)] * 8


def test_being_looked_at_changes_nothing() -> None:
    model, batch = tiny_model(PAPER), tiny_batch()
    plain = model(batch)
    with capture_attention(model):
        assert_close(model(batch), plain, **SAME_MATH)
    assert torch.equal(model(batch), plain)


def test_observers_are_gone_afterwards_even_on_error() -> None:
    model = tiny_model(PAPER)

    def look_and_stumble() -> None:
        with capture_attention(model):
            assert all(module.observer is not None for module in observed(model).values())
            raise RuntimeError("stumbled")

    with pytest.raises(RuntimeError, match="stumbled"):
        look_and_stumble()
    assert all(module.observer is None for module in observed(model).values())


def test_another_observer_goes_on_to_count_and_stays() -> None:
    model, batch = tiny_model(PAPER), tiny_batch()
    module = observed(model)["decoder.layers.0.source_attention"]
    module.observer = silencer = SilencedWeights(head=2)
    silenced = model(batch)
    with capture_attention(model) as calls:
        assert_close(model(batch), silenced, **SAME_MATH)
    weights_BHQK = calls["decoder.layers.0.source_attention"][0].weights
    assert not weights_BHQK[:, 2].any()
    assert_close(weights_BHQK[:, :2].sum(dim=-1), torch.ones(3, 2, 8), **SAME_MATH)
    assert module.observer is silencer
