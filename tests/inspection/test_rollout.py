from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from regard.errors import UnsupportedError
from regard.inspection.rollout import Reading, rolled_out, rollout, through_layers
from regard.inspection.trace import AttentionTrace
from tests.inspection.looking import SOURCE, TARGET, subject
from tests.tiny_model import RECURRENT
from tests.tolerances import SAME_MATH

EVEN = torch.full((2, 2), 0.5)


def test_two_encoder_layers_are_multiplied() -> None:
    """Row 0 of the second layer: 1/2 of row 0 (1/4, 3/4) and 1/2 of row 1 (0, 1) of the first: 1/8 and 7/8."""
    first, second = torch.tensor([[0.25, 0.75], [0.0, 1.0]]), torch.tensor([[0.5, 0.5], [0.0, 1.0]])
    reading = Reading(torch.tensor([[1.0, 0.0]]), torch.zeros(1))
    of_source, of_prefix = through_layers([first, second], [torch.eye(1)], [reading])
    assert_close(of_source, torch.tensor([[0.125, 0.875]]), **SAME_MATH)
    assert not of_prefix.any()


def test_source_and_prefix_share_what_there_is() -> None:
    """Both layers keep 3/4: 9/16 is left of the prefix; of the source 1/4, and 3/4 of the 1/4 of the layer before."""
    reading = Reading(torch.tensor([[0.25], [0.25]]), torch.full((2,), 0.75))
    causal = torch.tensor([[1.0, 0.0], [0.5, 0.5]])
    of_source, of_prefix = through_layers([], [causal, causal], [reading, reading])
    assert_close(of_source, torch.full((2, 1), 7 / 16), **SAME_MATH)
    assert_close(of_prefix, 9 / 16 * (causal @ causal), **SAME_MATH)


def test_the_rollout_of_one_layer_by_hand() -> None:
    """Heads 1 and 1/2, 1/2 and 0 on average give 3/4 and 1/4; half is kept: encoder rows 7/8, 1/8 and 3/8, 5/8."""
    encoder = torch.stack((torch.tensor([[1.0, 0.0], [1.0, 0.0]]), EVEN))
    trace = AttentionTrace(
        ("x", "</s>"),
        ("<s>",),
        ("</s>",),
        {"encoder": [encoder], "decoder": [torch.ones(1, 1, 1)], "encoder-decoder": [torch.tensor([[[0.0, 1.0]]])]},
    )
    of_source, of_prefix = rolled_out(trace)
    assert_close(of_source, torch.tensor([[3 / 16, 5 / 16]]), **SAME_MATH)
    assert_close(of_prefix, torch.tensor([[0.5]]), **SAME_MATH)


@pytest.mark.parametrize("words", [True, False])
def test_rows_sum_to_1_and_the_future_has_no_part(tmp_path: Path, words: bool) -> None:
    found = rollout(subject(tmp_path), SOURCE, TARGET, words=words)
    assert found.of_source.sum(axis=1) + found.of_prefix.sum(axis=1) == pytest.approx(1.0, abs=1e-6)
    assert not torch.from_numpy(found.of_prefix).triu(1).any()
    assert found.source == (("nobel", "</s>") if words else (*SOURCE, "</s>"))
    assert (found.prefix, found.target) == (("<s>", *TARGET), (*TARGET, "</s>"))


def test_a_recurrent_model_has_no_rollout(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match="model: has no self-attention"):
        rollout(subject(tmp_path, RECURRENT), SOURCE, TARGET)
