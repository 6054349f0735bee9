import math

import pytest
import torch
from torch.testing import assert_close

from regard.errors import UnsupportedError
from regard.inspection.measures import entropy, sharpest_map
from regard.inspection.trace import AttentionTrace
from tests.tolerances import SAME_MATH

SHARP, EVEN = torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.full((2, 2), 0.5)


def trace_of(*layers: torch.Tensor) -> AttentionTrace:
    return AttentionTrace(("x", "</s>"), ("<s>", "y"), ("y", "</s>"), {"encoder-decoder": layers})


def test_entropy_by_hand() -> None:
    weights = torch.tensor([[1.0, 0.0, 0.0, 0.0], [0.5, 0.5, 0.0, 0.0], [0.25] * 4])
    assert_close(entropy(weights), torch.tensor([0.0, math.log(2), math.log(4)]), **SAME_MATH)


def test_the_sharpest_layer_is_chosen_and_named() -> None:
    found = sharpest_map(trace_of(EVEN[None], SHARP[None], EVEN[None]))
    assert (found.weights == SHARP.numpy()).all()
    assert (found.rows, found.columns) == (("y", "</s>"), ("x", "</s>"))
    assert found.title == "Encoder-decoder attention, layer 2 of 3, its only head; the sharpest layer, 0.00 nats"


def test_heads_are_averaged_before_layers_are_compared() -> None:
    """Two sharp heads that look at different tokens are spread out together: 0.69 nats; a layer of 3/4 has 0.56."""
    apart, steady = torch.stack((SHARP, SHARP.flip(1))), torch.tensor([[0.75, 0.25], [0.25, 0.75]]).expand(2, 2, 2)
    found = sharpest_map(trace_of(apart, steady))
    assert found.title == "Encoder-decoder attention, layer 2 of 2, mean of 2 heads; the sharpest layer, 0.56 nats"


def test_a_single_layer_is_not_chosen_among_others() -> None:
    assert sharpest_map(trace_of(EVEN[None])).title == "Encoder-decoder attention, layer 1 of 1, its only head"


def test_a_model_without_such_attention() -> None:
    with pytest.raises(UnsupportedError, match="model: has no encoder-decoder attention"):
        sharpest_map(trace_of())
