from pathlib import Path

import pytest
import torch

from regard.inspection.blanking import blanked, entering
from regard.inspection.gradients import gradient_times_input
from regard.inspection.occlusion import occlusion
from regard.inspection.subject import log_probs
from regard.models.configs import ModelConfig
from regard.text.vocabulary import UNK
from tests.inspection.looking import SOURCE, TARGET, subject
from tests.tiny import CONFIGS, tiny_batch, tiny_model
from tests.tiny_model import RECURRENT, TRANSFORMER

EITHER = pytest.mark.parametrize("config", [TRANSFORMER, RECURRENT], ids=["transformer", "recurrent"])


@torch.inference_mode()
@EITHER
def test_a_blank_is_an_unknown_token_without_a_vector(tmp_path: Path, config: ModelConfig) -> None:
    """By hand: the second letter, and then the first phoneme, become UNK, whose row of the table is zero."""
    looked = subject(tmp_path, config)
    found = occlusion(looked, SOURCE, TARGET, words=False)
    batch = looked.batch([(SOURCE, TARGET)])
    whole = log_probs(looked.model(batch), batch)
    for table in (looked.model.embeddings.source_table, looked.model.embeddings.target_table):
        table[UNK] = 0
    batch.source.ids[0, 1] = UNK
    assert found.of_source[:, 1] == pytest.approx((whole - log_probs(looked.model(batch), batch))[0].numpy(), abs=1e-5)
    batch = looked.batch([(SOURCE, TARGET)])
    batch.target_in.ids[0, 1] = UNK
    assert found.of_prefix[:, 1] == pytest.approx((whole - log_probs(looked.model(batch), batch))[0].numpy(), abs=1e-5)


@EITHER
def test_what_comes_later_has_no_effect(tmp_path: Path, config: ModelConfig) -> None:
    found = occlusion(subject(tmp_path, config), SOURCE, TARGET)
    assert torch.from_numpy(found.of_prefix).triu(1).abs().max() < 1e-5
    assert found.of_prefix[:, 0].any()


@EITHER
def test_a_word_is_blanked_as_a_whole(tmp_path: Path, config: ModelConfig) -> None:
    looked = subject(tmp_path, config)
    by_word, by_letter = (occlusion(looked, list("ab c"), TARGET, words=words) for words in (True, False))
    assert by_word.source == ("ab", "c", "</s>")
    assert by_word.of_source.shape == (4, 3)
    assert by_word.of_source[:, 1] == pytest.approx(by_letter.of_source[:, 3], abs=1e-5)
    assert abs(by_word.of_source[:, 0] - by_letter.of_source[:, :3].sum(axis=1)).max() > 1e-3  # it is no sum of letters


@torch.no_grad()
def test_what_the_decoder_cannot_see_has_no_effect(tmp_path: Path) -> None:
    looked = subject(tmp_path)
    for layer in looked.model.decoder.layers:
        layer.source_attention.output.weight.zero_()
    assert abs(occlusion(looked, SOURCE, TARGET).of_source).max() < 1e-5
    assert abs(gradient_times_input(looked, SOURCE, TARGET).of_source).max() < 1e-6


def test_nothing_is_copied_from_a_blank() -> None:
    model, batch = tiny_model(CONFIGS["copy"]), tiny_batch()
    everywhere = torch.ones_like(batch.source.ids, dtype=torch.bool)
    with blanked(model, batch, everywhere, torch.zeros_like(batch.target_out, dtype=torch.bool)) as gapped:
        assert (gapped.source.ids == UNK).all()
        assert (gapped.target_in.ids == batch.target_in.ids).all()
        assert not torch.equal(model(gapped), model(batch))
    assert not model.encoder._forward_pre_hooks
    assert not model.decoder._forward_pre_hooks


@EITHER
def test_gradient_times_input_is_the_slope_of_growing_an_embedding(tmp_path: Path, config: ModelConfig) -> None:
    """The derivative of log p when the vector of one token is made longer, by finite differences in float64."""
    looked = subject(tmp_path, config)
    looked.model.double()
    found = gradient_times_input(looked, SOURCE, TARGET, words=False)
    batch, small = looked.batch([(SOURCE, TARGET)]), 1e-5

    def with_longer(side: str, place: int, by: float) -> torch.Tensor:
        def longer(embedded: torch.Tensor) -> torch.Tensor:
            factors = torch.ones(embedded.size(1), dtype=embedded.dtype)
            factors[place] += by
            return embedded * factors[:, None]

        changes = (longer, lambda x: x) if side == "source" else (lambda x: x, longer)
        with torch.no_grad(), entering(looked.model, *changes):
            return looked.model(batch).log_softmax(dim=-1).gather(2, batch.target_out[:, :, None])[0, :, 0]

    for side, values in (("source", found.of_source), ("prefix", found.of_prefix)):
        for place in range(values.shape[1]):
            slope = (with_longer(side, place, small) - with_longer(side, place, -small)) / (2 * small)
            assert values[:, place] == pytest.approx(slope.numpy(), abs=1e-5)  # log p is float32


def test_slopes_in_parts_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked = subject(tmp_path)
    whole = [method(looked, SOURCE, TARGET).of_source for method in (gradient_times_input, occlusion)]
    for module in ("gradients", "occlusion"):
        monkeypatch.setattr(f"regard.inspection.{module}.LOOK_TOKENS", 7)
    parts = [method(looked, SOURCE, TARGET).of_source for method in (gradient_times_input, occlusion)]
    for one, other in zip(whole, parts, strict=True):
        assert one == pytest.approx(other, abs=1e-5)


def test_gradients_can_be_asked_for_while_others_want_none(tmp_path: Path) -> None:
    looked = subject(tmp_path)
    with torch.inference_mode():
        assert gradient_times_input(looked, SOURCE, TARGET).of_source.any()
    assert all(parameter.grad is None for parameter in looked.model.parameters())
