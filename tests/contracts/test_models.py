"""What every family of models and every variant of its parts must keep."""

from collections.abc import Iterator
from dataclasses import fields, replace

import pytest
import torch
from safetensors.torch import load, save
from torch import Tensor
from torch.testing import assert_close

from regard.data.batch import Batch, PaddedTokens
from regard.decoding.protocol import DecoderState, StepModel
from regard.layers import attention
from regard.layers.attention import AttentionObserver, observed
from regard.layers.kernels import cross_entropy
from regard.layers.noise import Noise
from regard.models import MODELS
from regard.models.base import Seq2SeqModel
from regard.models.configs import ModelConfig, TransformerConfig
from regard.text.vocabulary import PAD
from tests.observers import Recorder, SilencedContext, SilencedWeights, observing
from tests.tiny import CONFIGS, SOURCE_SIZE, fresh_model, tiny_batch, tiny_model
from tests.tolerances import LOW_PRECISION

SAME_LOGITS = {"rtol": 1e-5, "atol": 1e-5}  # not 1e-6: rounding adds up over layers, and logits may be near zero
NOISE, OTHER_NOISE = Noise(1), Noise(2)  # for all tests: a mask does not depend on what was drawn before
every_config = pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)


@pytest.fixture(autouse=True)
def no_gradients() -> Iterator[None]:
    with torch.no_grad():
        yield


def differ(one: Tensor, other: Tensor) -> bool:
    return not torch.allclose(one, other, rtol=1e-3, atol=1e-3)


def loss_of(model: Seq2SeqModel, batch: Batch) -> Tensor:
    """Return the loss in nats per target token."""
    loss, _ = cross_entropy(model(batch).flatten(0, 1), batch.target_out.flatten(), ignore=PAD)
    return loss / batch.tokens


def stepwise(model: Seq2SeqModel, ids_RT: Tensor, state: DecoderState) -> tuple[Tensor, DecoderState]:
    """Feed known tokens one by one; return the logits (R T V) and the last state."""
    steps = []
    for tokens_R in ids_RT.unbind(dim=1):
        logits_RV, state = model.step(tokens_R, state)
        steps.append(logits_RV)
    return torch.stack(steps, dim=1), state


def knows_by_heart(model: Seq2SeqModel, batch: Batch) -> bool:
    said, real = model.eval()(batch).argmax(dim=-1), batch.target_out != PAD
    model.train()
    return torch.equal(said[real], batch.target_out[real])


def test_the_table_has_every_family_and_every_variant() -> None:
    assert {config.kind for config in CONFIGS.values()} == set(MODELS)
    for field in fields(TransformerConfig):
        if registry := field.metadata.get("registry"):
            assert {getattr(config, field.name, config.embeddings).kind for config in CONFIGS.values()} >= set(registry)


@every_config
def test_a_model_keeps_both_protocols(config: ModelConfig) -> None:
    model, batch = tiny_model(config), tiny_batch()
    assert isinstance(model, StepModel)
    assert isinstance(model.init_state(model.encode(batch.source)), DecoderState)
    assert model.config == config


@every_config
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_stepwise_logits_are_those_of_the_teacher_forced_pass(config: ModelConfig, dtype: torch.dtype) -> None:
    model, batch = tiny_model(config).to(dtype), tiny_batch()
    logits, _ = stepwise(model, batch.target_in.ids, model.init_state(model.encode(batch.source)))
    assert logits.dtype == dtype
    assert_close(logits, model(batch), **SAME_LOGITS)


@every_config
@pytest.mark.parametrize("first", [0, 3])
def test_select_permutes_repeats_and_drops_rows(config: ModelConfig, first: int) -> None:
    model, batch = tiny_model(config), tiny_batch()
    forced, state = model(batch), model.init_state(model.encode(batch.source))
    for tokens in batch.target_in.ids[:, :first].unbind(dim=1):
        _, state = model.step(tokens, state)
    for rows in map(torch.tensor, ([2, 0, 1], [0, 0, 1, 1, 2, 2], [1], [2, 1, 2])):
        logits, _ = stepwise(model, batch.target_in.ids[rows, first:], state.select(rows))
        assert_close(logits, forced[rows, first:], **SAME_LOGITS)


@every_config
def test_repeated_rows_go_their_own_ways(config: ModelConfig) -> None:
    model, source, twice = tiny_model(config), [4, 5, 6], torch.tensor([0, 0])
    pair = Batch.of([source, source], [[7, 8, 9, 10], [7, 8, 5, 4]])
    ids = pair.target_in.ids
    start, state = stepwise(model, ids[:1, :3], model.init_state(model.encode(PaddedTokens.sources([source]))))
    rest, state = stepwise(model, ids[:, 3:4], state.select(twice))
    swapped, _ = stepwise(model, ids.flip(0)[:, 4:], state.select(torch.tensor([1, 0])))
    assert_close(torch.cat((start[twice], rest, swapped.flip(0)), dim=1), model(pair), **SAME_LOGITS)
    assert differ(rest[0], rest[1])


@every_config
def test_source_padding_changes_nothing(config: ModelConfig) -> None:
    model, batch = tiny_model(config), tiny_batch()
    wider = torch.cat((batch.source.ids, torch.full((3, 4), 7)), dim=1)
    unread = torch.arange(wider.size(1)) >= batch.source.lengths[:, None]
    source = PaddedTokens(wider.masked_fill(unread, 7), batch.source.lengths)
    assert_close(model(replace(batch, source=source)), model(batch), **SAME_LOGITS)


@every_config
def test_target_padding_changes_nothing(config: ModelConfig) -> None:
    model, batch = tiny_model(config), tiny_batch()
    ids = batch.target_in.ids
    unread = torch.arange(ids.size(1)) >= batch.target_in.lengths[:, None]
    target_in = PaddedTokens(ids.masked_fill(unread, 7), batch.target_in.lengths)
    assert_close(model(replace(batch, target_in=target_in))[~unread], model(batch)[~unread], **SAME_LOGITS)


@every_config
def test_a_pair_gets_the_same_logits_alone_and_among_others(config: ModelConfig) -> None:
    model, batch = tiny_model(config), tiny_batch()
    logits = model(batch)
    for row, (source, target) in enumerate(zip(batch.source.ids, batch.target_in.ids, strict=True)):
        lengths = batch.source.lengths[row], batch.target_in.lengths[row]
        alone = Batch.of([source[: lengths[0] - 1].tolist()], [target[1 : lengths[1]].tolist()])
        assert_close(model(alone)[0], logits[row, : lengths[1]], **SAME_LOGITS)


@every_config
def test_the_future_is_invisible_and_the_past_is_not(config: ModelConfig) -> None:
    model, batch = tiny_model(config), tiny_batch()
    logits, ids = model(batch), batch.target_in.ids
    for place in range(1, ids.size(1)):
        changed = ids.clone()
        changed[:, place:] = torch.randint(4, 12, changed[:, place:].shape)
        changed[:, place] = torch.where(ids[:, place] == 4, 5, 4)
        other = model(replace(batch, target_in=PaddedTokens(changed, batch.target_in.lengths)))
        assert_close(other[:, :place], logits[:, :place], **SAME_LOGITS)
        assert all(differ(a, b) for a, b in zip(other[:, place], logits[:, place], strict=True))


@every_config
def test_every_source_token_counts_for_every_logit(config: ModelConfig) -> None:
    model, batch = tiny_model(config), Batch.of([[4, 5, 6, 7]], [[8, 9]])
    logits = model(batch)
    for place in range(4):
        ids = batch.source.ids.clone()
        ids[0, place] = 10
        other = model(replace(batch, source=PaddedTokens(ids, batch.source.lengths)))
        assert ((other - logits).abs().amax(dim=-1) > 1e-4).all()


@every_config
def test_one_teacher_forced_pass_shows_the_weights_of_the_stepwise_run(config: ModelConfig) -> None:
    model, batch = tiny_model(config), tiny_batch()
    with observing(model, Recorder) as forced:
        model(batch)
    with observing(model, Recorder) as steps:
        stepwise(model, batch.target_in.ids, model.init_state(model.encode(batch.source)))
    assert forced
    for name, recorder in forced.items():
        weights_BHQK = recorder.joined()
        assert_close(weights_BHQK, steps[name].joined(), **SAME_LOGITS)
        assert_close(weights_BHQK.sum(dim=-1), torch.ones(weights_BHQK.shape[:3]), **SAME_LOGITS)
        assert differ(weights_BHQK[0, 0, -1], weights_BHQK[1, 0, -1]), "weights that are the same for all texts"


@every_config
def test_an_observer_that_returns_what_it_got_changes_nothing(config: ModelConfig) -> None:
    model, batch = tiny_model(config), tiny_batch()
    logits = model(batch)
    with observing(model, AttentionObserver):
        assert_close(model(batch), logits, **SAME_LOGITS)
    assert all(module.observer is None for module in observed(model).values())
    assert torch.equal(model(batch), logits)


@every_config
def test_silencing_a_head_changes_the_rows_it_is_silenced_in(config: ModelConfig) -> None:
    model, batch = tiny_model(config), tiny_batch()
    logits = model(batch)
    for name, module in observed(model).items():
        module.observer = SilencedWeights(head=0, rows=slice(1, 2))
        found = model(batch)
        module.observer = SilencedContext(head=0, rows=slice(1, 2))
        assert_close(model(batch), found, **SAME_LOGITS)
        module.observer = None
        assert_close(found[::2], logits[::2], **SAME_LOGITS)
        assert (found[1] - logits[1]).abs().max() > 1e-4, name


@every_config
def test_unobserved_attention_never_computes_weights_in_the_open(
    config: ModelConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, batch = tiny_model(config), tiny_batch()
    monkeypatch.setattr(attention, "attention_weights", None)
    model(batch)
    stepwise(model, batch.target_in.ids, model.init_state(model.encode(batch.source)))


@every_config
def test_a_saved_and_loaded_model_gives_the_same_logits(config: ModelConfig) -> None:
    model, batch = tiny_model(config), tiny_batch()
    other = fresh_model(config).eval()
    other.load_state_dict(load(save(model.state_dict())))
    assert torch.equal(other(batch), model(batch))


@every_config
@torch.enable_grad()
def test_every_weight_gets_a_gradient(config: ModelConfig) -> None:
    model, batch = tiny_model(config).train(), tiny_batch()
    with NOISE.at(1):
        loss_of(model, batch).backward()
    for name, weight in model.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.isfinite().all(), name


@every_config
def test_dropout_is_a_function_of_seed_and_step(config: ModelConfig) -> None:
    model, batch = tiny_model(config).train(), tiny_batch()

    def loss_at(noise: Noise, step: int) -> float:
        with noise.at(step):
            return float(loss_of(model, batch))

    first = loss_at(NOISE, 1)
    assert loss_at(NOISE, 2) != first
    assert loss_at(NOISE, 1) == first
    assert loss_at(OTHER_NOISE, 1) != first
    assert float(loss_of(model.eval(), batch)) != first


@every_config
@torch.enable_grad()
def test_bfloat16_trains_on_nearly_the_same_loss(config: ModelConfig) -> None:
    model, batch = tiny_model(config), tiny_batch()
    exact = loss_of(model, batch).detach()
    loss = loss_of(model.bfloat16(), batch)
    loss.backward()
    assert_close(loss.float(), exact, **LOW_PRECISION)
    assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in model.parameters())


@every_config
@torch.enable_grad()
def test_eight_pairs_can_be_learnt_by_heart(config: ModelConfig) -> None:
    sources = [[token, 4 + token % 2] for token in range(3, SOURCE_SIZE)]
    batch = Batch.of(sources, [torch.randperm(8)[: 1 + row % 3].add(4).tolist() for row in range(8)])
    hardly = {field.name: 0.02 for field in fields(config) if "dropout" in field.name}
    model = fresh_model(replace(config, d_model=32, **hardly)).train()
    adam = torch.optim.Adam(model.parameters(), lr=0.01)
    for step in range(60):
        adam.zero_grad()
        with NOISE.at(step):
            loss_of(model, batch).backward()
        adam.step()
        if step % 10 == 9 and knows_by_heart(model, batch):
            return
    pytest.fail("60 steps were not enough")
