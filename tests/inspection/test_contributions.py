from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from regard.errors import UnsupportedError
from regard.inspection import contributions as module
from regard.inspection.contributions import contributions, linear_part, mixings, nearness
from regard.layers.configs import LayerNormConfig, PreNormConfig, RMSNormConfig
from regard.layers.residual import LayerNorm, PreNorm, RMSNorm
from regard.models.configs import ModelConfig
from tests.inspection.looking import SOURCE, TARGET, subject
from tests.tiny_model import RECURRENT, TRANSFORMER
from tests.tolerances import SAME_MATH

CONFIGS: dict[str, ModelConfig] = {
    "post-norm": TRANSFORMER,
    "post-norm, rms": replace(TRANSFORMER, norm=RMSNormConfig()),
    "pre-norm": replace(TRANSFORMER, residual=PreNormConfig()),
    "fewer key-value heads": replace(TRANSFORMER, residual=PreNormConfig(), key_value_heads=1, biases=False),
}


def test_nearness_by_hand() -> None:
    """‖(3, 4)‖ = 7. Without (3, 0) 4 are left, without (0, 4) 3; (-1, 0) leads away."""
    y, vectors = torch.tensor([[[3.0, 4.0]]]), torch.tensor([[[3.0, 0.0], [0.0, 4.0], [-1.0, 0.0]]])
    assert_close(nearness(y, vectors), torch.tensor([[3.0, 4.0, 0.0]]))


def test_parts_of_a_layer_norm_by_hand() -> None:
    """The total (1, 3) has variance 1; its parts (1, 0) and (0, 3), centred, are (1/2, -1/2) and (-3/2, 3/2)."""
    norm = LayerNorm(LayerNormConfig(epsilon=1e-9), 2)
    vectors = torch.tensor([[[1.0, 0.0], [0.0, 3.0]]])
    parts = linear_part(norm, torch.tensor([[[1.0, 3.0]]]), vectors)
    assert_close(parts, torch.tensor([[[0.5, -0.5], [-1.5, 1.5]]]))
    assert_close(parts.sum(dim=1), norm(torch.tensor([[[1.0, 3.0]]]))[0])


def test_parts_of_a_root_mean_square_norm_by_hand() -> None:
    """The total (1, 7) has a mean square of 25."""
    norm = RMSNorm(RMSNormConfig(epsilon=1e-9), 2)
    parts = linear_part(norm, torch.tensor([[[1.0, 7.0]]]), torch.tensor([[[1.0, 2.0]]]))
    assert_close(parts, torch.tensor([[[0.2, 0.4]]]))


@torch.no_grad()
@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())
def test_the_vectors_add_up_to_what_came_out(tmp_path: Path, config: ModelConfig) -> None:
    """All parts, the output's bias as a part of its own, and the norm's bias: that is y, in every layer."""
    for _, mixing in mixings(subject(tmp_path, config), SOURCE, TARGET):
        bias = mixing.attention.output.bias
        for first, taken, kept in mixing.parts():
            total = taken.sum(dim=1) + kept[:, 0]
            if bias is not None:
                total = total + mixing.through_norm(bias.expand(len(taken), 1, -1), first)[:, 0]
            if not isinstance(mixing.residual, PreNorm) and mixing.residual.norm.bias is not None:
                total = total + mixing.residual.norm.bias
            assert_close(total, mixing.y[first : first + len(taken)], rtol=1e-4, atol=1e-5)  # summed over many parts


@torch.no_grad()
def test_what_came_out_is_what_goes_on(tmp_path: Path) -> None:
    """The y of a layer's last attention enters its feed-forward layer."""
    looked, seen = subject(tmp_path), list[torch.Tensor]()
    hook = looked.model.encoder.layers[1].widening.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    found = [mixing for kind, mixing in mixings(looked, SOURCE, TARGET) if kind == "encoder"]
    hook.remove()
    assert_close(found[1].y, seen[0][0], **SAME_MATH)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())
@pytest.mark.parametrize("words", [True, False])
def test_contributions_to_a_word_sum_to_1(tmp_path: Path, config: ModelConfig, words: bool) -> None:
    found = contributions(subject(tmp_path, config), SOURCE, TARGET, words=words)
    assert found.of_source.sum(axis=1) + found.of_prefix.sum(axis=1) == pytest.approx(1.0, abs=1e-6)
    assert min(found.of_source.min(), found.of_prefix.min()) >= 0
    assert not torch.from_numpy(found.of_prefix).triu(1).any()
    assert found.source_share == pytest.approx(found.of_source.sum(axis=1), abs=1e-6)
    assert 0 < found.source_share.min() < found.source_share.max() < 1


def test_queries_that_wait_their_turn_get_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked = subject(tmp_path)
    whole = contributions(looked, SOURCE, TARGET)
    monkeypatch.setattr(module, "MOST_NUMBERS", 1)
    assert contributions(looked, SOURCE, TARGET).of_source == pytest.approx(whole.of_source, abs=1e-6)


@torch.no_grad()
def test_a_decoder_that_finds_nothing_in_the_source_owes_it_nothing(tmp_path: Path) -> None:
    looked = subject(tmp_path)
    for layer in looked.model.decoder.layers:
        layer.source_attention.output.weight.zero_()
    found = contributions(looked, SOURCE, TARGET)
    assert not found.of_source.any()
    assert found.source_share == pytest.approx(0.0)


def test_a_recurrent_model_has_no_residual_layers(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match=r"model: has no residual layers to follow .take gradient or occlusion"):
        contributions(subject(tmp_path, RECURRENT), SOURCE, TARGET)
