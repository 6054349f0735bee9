from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from regard.decoding.types import BeamConfig, GreedyConfig
from regard.errors import UsageError
from regard.inspection.effects import effects_of
from regard.inspection.heads import KINDS, Head, Kind, heads_of
from regard.inspection.knockout import KnockOut, mean_contexts, silenced
from regard.inspection.subject import log_probs
from regard.models.base import Seq2SeqModel
from regard.models.configs import ModelConfig
from tests.inspection.looking import SOURCE, TARGET, subject
from tests.observers import Recorder, observing
from tests.tiny import CONFIGS, PAPER, tiny_batch, tiny_model
from tests.tiny_model import RECURRENT, TRANSFORMER
from tests.tolerances import SAME_MATH

SIZE = 4
"""Features of a head in the tiny models."""


def attention_of(model: Seq2SeqModel, head: Head) -> torch.nn.Module:
    stack = model.encoder if head.kind == "encoder" else model.decoder
    layer = stack.layers[head.layer]
    return layer.source_attention if head.kind == "encoder-decoder" else layer.self_attention


@torch.no_grad()
def with_columns_zeroed(config: ModelConfig, heads: list[Head]) -> torch.Tensor:
    """Return the logits of a model whose output projections no longer read what these heads find."""
    torch.manual_seed(3)
    model = tiny_model(config)
    for head in heads:
        attention_of(model, head).output.weight[:, SIZE * head.head : SIZE * (head.head + 1)] = 0
    return model(tiny_batch())


@pytest.mark.parametrize("name", ["paper", "modern", "two key-value heads", "copy", "shaw"])
def test_silencing_equals_an_edited_output_projection(name: str) -> None:
    torch.manual_seed(3)
    model = tiny_model(CONFIGS[name])
    sets = [[head] for head in heads_of(model)[::5]] + [heads_of(model)[3:17:4]]
    for heads in sets:
        with torch.inference_mode(), silenced(model, [KnockOut.of(*heads)] * 3) as quiet:
            assert_close(quiet(tiny_batch()), with_columns_zeroed(CONFIGS[name], heads), **SAME_MATH)


@torch.inference_mode()
def test_many_knockouts_are_one_batch() -> None:
    model, batch = tiny_model(PAPER), tiny_batch().rows(slice(0, 1)).trimmed()
    knockouts = [KnockOut.of(), *(KnockOut.of(head) for head in heads_of(model)), KnockOut.of(*heads_of(model))]
    with silenced(model, knockouts) as quiet:
        together = quiet(batch.repeated(len(knockouts)))
    assert_close(together[:1], model(batch), **SAME_MATH)
    for knockout, logits in zip(knockouts, together, strict=True):
        with silenced(model, [knockout]) as quiet:
            assert_close(quiet(batch)[0], logits, **SAME_MATH)


@torch.inference_mode()
@pytest.mark.parametrize("kind", KINDS)
def test_a_uniform_head_looks_at_all_it_may_see(kind: Kind) -> None:
    """By hand, in the first layer: the head finds the plain mean of the values, in the decoder of those so far."""
    model, batch, head = tiny_model(PAPER), tiny_batch(), slice(2 * SIZE, 3 * SIZE)
    attention, seen = attention_of(model, Head(0, kind, 2)), list[torch.Tensor]()
    hook = attention.output.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    with silenced(model, [KnockOut.of(Head(0, kind, 2), way="uniform")] * 3) as quiet:
        quiet(batch)
        memory = model.encode(batch.source).hidden
    hook.remove()
    source = model.encoder.positions.add(model.embeddings.source(batch.source.ids))
    target = model.decoder.positions.add(model.embeddings.target(batch.target_in.ids))
    values = attention.value({"encoder": source, "decoder": target, "encoder-decoder": memory}[kind])
    for found, v, length in zip(seen[0][..., head], values[..., head], batch.source.lengths, strict=True):
        so_far = v.cumsum(0) / torch.arange(1, len(v) + 1)[:, None]
        by_hand = so_far if kind == "decoder" else v[:length].mean(0).expand_as(found)
        assert_close(found, by_hand, **SAME_MATH)


@torch.inference_mode()
@pytest.mark.parametrize("config", [TRANSFORMER, RECURRENT], ids=["transformer", "recurrent"])
def test_a_mean_is_that_over_all_places(tmp_path: Path, config: ModelConfig) -> None:
    """Two pairs read apart and padded in one batch; the means by hand are those of all real places."""
    looked = subject(tmp_path, config)
    pairs = [(SOURCE, TARGET), (["m", "n"], ["G", "AA", "D", "HH", "B"])]
    means = mean_contexts(looked, pairs)
    found: dict[str, list[torch.Tensor]] = {"encoder": [], "decoder": [], "encoder-decoder": []}
    for pair in pairs:
        with observing(looked.model, Recorder) as recorders:
            looked.model(looked.batch([pair]))
        for name, recorder in recorders.items():
            if name in ("encoder.layers.0.self_attention", "decoder.layers.1.source_attention", "decoder.attention"):
                kind = "encoder" if name.startswith("encoder") else "encoder-decoder"
                found[kind].append(torch.cat(recorder.contexts, dim=2)[0])
    for kind, contexts in found.items():
        if contexts:
            layer = 1 if kind == "encoder-decoder" and config is TRANSFORMER else 0
            assert_close(means[kind, layer], torch.cat(contexts, dim=1).mean(dim=1), **SAME_MATH)


@torch.inference_mode()
def test_a_mean_takes_the_place_of_what_the_head_finds(tmp_path: Path) -> None:
    """Silent in all its places, the head adds W_O · mean, whatever the source: the same as a zero and another bias."""
    looked, head = subject(tmp_path), Head(1, "encoder-decoder", 0)
    means, batch = mean_contexts(looked, [(SOURCE, TARGET)]), looked.batch([(SOURCE, TARGET)])
    with silenced(looked.model, [KnockOut.of(head, way="mean")], means) as quiet:
        with_mean = quiet(batch)
    output = attention_of(looked.model, head).output
    added = output.weight[:, :8] @ means["encoder-decoder", 1][0]
    output.bias += added
    with silenced(looked.model, [KnockOut.of(head)]) as quiet:
        assert_close(quiet(batch), with_mean, **SAME_MATH)


def test_without_means_there_is_no_mean() -> None:
    knockout = KnockOut.of(Head(0, "encoder", 0), way="mean")
    with pytest.raises(UsageError, match="way: has no means"), silenced(tiny_model(PAPER), [knockout]):
        pass


def test_a_head_that_is_not_there() -> None:
    knockout = KnockOut.of(Head(2, "encoder", 0))
    with (
        pytest.raises(UsageError, match=r"no encoder.3.1 .it has encoder.1.1 to encoder-decoder.2.4"),
        silenced(tiny_model(PAPER), [knockout]),
    ):
        pass


def test_observers_are_gone_even_on_error() -> None:
    model = tiny_model(PAPER)
    with pytest.raises(RuntimeError), silenced(model, [KnockOut.of(*heads_of(model))]):
        raise RuntimeError
    assert all(getattr(module, "observer", None) is None for module in model.modules())


@pytest.mark.slow
@pytest.mark.parametrize("config", [TRANSFORMER, RECURRENT], ids=["transformer", "recurrent"])
def test_changes_and_translations_are_those_of_each_knockout_alone(tmp_path: Path, config: ModelConfig) -> None:
    looked = subject(tmp_path, config)
    knockouts = [KnockOut.of(head, way=way) for head in heads_of(looked.model) for way in ("zero", "uniform")]
    search = BeamConfig(beams=3, no_repeat=1, min_length=4, max_length=8)
    together = effects_of(looked, SOURCE, TARGET, knockouts, decoding=search)
    for knockout, effect in zip(knockouts, together, strict=True):
        (alone,) = effects_of(looked, SOURCE, TARGET, [knockout], decoding=search)
        assert alone.tokens == effect.tokens
        assert_close(torch.tensor(alone.changes), torch.tensor(effect.changes), rtol=1e-4, atol=1e-5)  # other batches
        batch = looked.batch([(SOURCE, TARGET)])
        with torch.inference_mode():
            by_hand = -log_probs(looked.model(batch), batch)
            with silenced(looked.model, [knockout]) as quiet:
                by_hand += log_probs(quiet(batch), batch)
        assert_close(torch.tensor(effect.changes), by_hand[0].double().float(), rtol=1e-4, atol=1e-5)
        assert effect.total == pytest.approx(float(by_hand.sum()), abs=1e-4)
    (untouched,) = effects_of(looked, SOURCE, TARGET, [KnockOut.of()], decoding=search)
    assert min(min(effect.changes) for effect in together) < -0.01
    assert config is RECURRENT or {effect.tokens for effect in together} != {untouched.tokens}


def test_nothing_silenced_changes_nothing(tmp_path: Path) -> None:
    looked = subject(tmp_path)
    (effect,) = effects_of(looked, SOURCE, TARGET, [KnockOut.of()], decoding=GreedyConfig(max_length=6))
    assert effect.changes == (0.0,) * (len(TARGET) + 1)
    assert str(effect.knockout) == "nothing"


def test_a_long_list_goes_through_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked = subject(tmp_path)
    knockouts = [KnockOut.of(head) for head in heads_of(looked.model)]
    whole = effects_of(looked, SOURCE, TARGET, knockouts)
    monkeypatch.setattr("regard.inspection.effects.LOOK_TOKENS", 18)
    parts = effects_of(looked, SOURCE, TARGET, knockouts)
    assert_close([e.changes for e in parts], [e.changes for e in whole], rtol=1e-4, atol=1e-5)
