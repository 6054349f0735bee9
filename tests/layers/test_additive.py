import math

import torch
from torch.autograd import gradcheck
from torch.testing import assert_close

from regard.layers.additive import AdditiveAttention
from regard.layers.attention import observed
from regard.layers.noise import Noise
from tests.observers import Recorder, SilencedContext, SilencedWeights
from tests.tolerances import SAME_MATH

MASK = torch.tensor([[True, True, True], [True, True, False]])[:, None, None]


@torch.no_grad()
def test_weights_by_hand() -> None:
    layer = AdditiveAttention(d_model=1)
    layer.judge.weight.fill_(2 * math.log(3.0))
    q, k = torch.full((1, 1, 1, 1), 0.25), torch.tensor([-0.25, math.atanh(0.5) - 0.25]).view(1, 1, 2, 1)
    assert_close(layer.weights(q, k).flatten(), torch.tensor([0.25, 0.75]))  # of the scores 0 and ln 3


@torch.no_grad()
def test_the_average_is_the_papers() -> None:
    layer, x, memory = AdditiveAttention(d_model=4), torch.randn(2, 2, 4), torch.randn(2, 3, 4)
    found = layer(x, layer.keys_values(memory), MASK)
    for row, seen in enumerate((3, 2)):
        for place in range(2):
            matches = torch.tanh(layer.query(x[row, place]) + layer.key(memory[row, :seen]))
            weights = (matches @ layer.judge.weight[0]).softmax(dim=0)
            assert_close(found[row, place], weights @ memory[row, :seen], **SAME_MATH)


@torch.no_grad()
def test_observers_see_and_change_it() -> None:
    layer, x, memory = AdditiveAttention(d_model=4), torch.randn(2, 1, 4), torch.randn(2, 3, 4)
    source, recorder = layer.keys_values(memory), Recorder()
    plain = layer(x, source, MASK)
    layer.observer = recorder
    assert torch.equal(layer(x, source, MASK), plain)
    (call,) = recorder.calls
    assert call.weights.shape == (2, 1, 1, 3)
    assert call.weights[1, 0, 0, 2] == 0
    assert_close(call.weights, layer.weights(call.q, call.k, MASK))
    assert torch.equal(recorder.contexts[0][:, 0], plain)
    for silence in (SilencedWeights, SilencedContext):
        layer.observer = silence(head=0, rows=slice(1, 2))
        assert (layer(x, source, MASK)[1] == 0).all()
        assert torch.equal(layer(x, source, MASK)[0], plain[0])
    assert observed(layer) == {"": layer}


def test_its_gradient_is_that_of_small_differences() -> None:
    layer = AdditiveAttention(d_model=4).double()
    x = torch.randn(2, 2, 4, dtype=torch.float64, requires_grad=True)
    memory = torch.randn(2, 3, 4, dtype=torch.float64, requires_grad=True)
    assert gradcheck(lambda x, memory: layer(x, layer.keys_values(memory), MASK), (x, memory))


def test_weights_are_dropped_only_in_training() -> None:
    layer, x, memory, noise = AdditiveAttention(4, dropout=0.5), torch.randn(2, 1, 4), torch.randn(2, 3, 4), Noise(1)
    source = layer.keys_values(memory)
    with noise.at(1):
        dropped = layer(x, source, MASK)
    assert not torch.allclose(layer.eval()(x, source, MASK), dropped)
