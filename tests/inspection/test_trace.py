import math
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from regard.data.batch import Batch
from regard.decoding.types import GreedyConfig
from regard.errors import DataError, UnsupportedError
from regard.inference.torch_engine import TorchEngine
from regard.inference.translator import Translator
from regard.inspection.heads import KINDS, layers_of
from regard.inspection.trace import AttentionTrace, trace_pair, trace_text
from regard.models.configs import ModelConfig
from tests.inference.echo_engine import EchoEngine
from tests.observers import Recorder, observing
from tests.tiny_model import RECURRENT, TRANSFORMER, save_tiny_model
from tests.tolerances import SAME_MATH

SOURCE, TARGET = list("nobel"), ["HH", "IH", "ER"]


def traced(path: Path, config: ModelConfig) -> tuple[TorchEngine, AttentionTrace]:
    engine = TorchEngine.load([save_tiny_model(path / "model", config)])
    return engine, trace_pair(engine, SOURCE, TARGET)


@pytest.mark.parametrize("config", [TRANSFORMER, RECURRENT], ids=["transformer", "recurrent"])
def test_the_tokens_are_those_that_the_weights_lie_between(tmp_path: Path, config: ModelConfig) -> None:
    _, trace = traced(tmp_path, config)
    assert trace.source == (*SOURCE, "</s>")
    assert trace.target_in == ("<s>", *TARGET)
    assert trace.target_out == (*TARGET, "</s>")
    (weights_HTS, *_) = trace.layers["encoder-decoder"]
    assert weights_HTS.shape[1:] == (len(trace.target_out), len(trace.source))


def test_layers_kinds_and_heads_of_a_transformer(tmp_path: Path) -> None:
    _, trace = traced(tmp_path, TRANSFORMER)
    shapes = {kind: [tuple(weights.shape) for weights in trace.layers[kind]] for kind in KINDS}
    assert shapes == {"encoder": [(2, 6, 6)] * 2, "decoder": [(2, 4, 4)] * 2, "encoder-decoder": [(2, 4, 6)] * 2}


def test_a_recurrent_model_has_additive_attention_alone(tmp_path: Path) -> None:
    _, trace = traced(tmp_path, RECURRENT)
    shapes = {kind: [tuple(weights.shape) for weights in trace.layers[kind]] for kind in KINDS}
    assert shapes == {"encoder": [], "decoder": [], "encoder-decoder": [(1, 4, 6)]}


@pytest.mark.parametrize("config", [TRANSFORMER, RECURRENT], ids=["transformer", "recurrent"])
def test_rows_sum_to_1_and_the_future_has_no_weight(tmp_path: Path, config: ModelConfig) -> None:
    _, trace = traced(tmp_path, config)
    for kind in KINDS:
        for weights_HQK in trace.layers[kind]:
            assert_close(weights_HQK.sum(dim=-1), torch.ones(weights_HQK.shape[:2]), **SAME_MATH)
            assert (weights_HQK >= 0).all()
    assert all(not weights_HTT.triu(1).any() for weights_HTT in trace.layers["decoder"])


@torch.inference_mode()
def test_the_weights_of_the_first_layer_by_hand(tmp_path: Path) -> None:
    """softmax(q·kᵀ / √D), summed up anew from the weights of the model; head 1 has features 8 to 15."""
    engine, trace = traced(tmp_path, TRANSFORMER)
    (model,) = engine.models
    ids = torch.tensor([[*engine.sides.source.vocabulary.ids(SOURCE), 2]])
    x_SM = model.encoder.positions.add(model.embeddings.source(ids))[0]
    attention = model.encoder.layers[0].self_attention
    q_SD, k_SD = attention.query(x_SM)[:, 8:], attention.key(x_SM)[:, 8:]
    for i, q in enumerate(q_SD):
        powers = [math.exp(float(q @ k) / math.sqrt(8)) for k in k_SD]
        by_hand = torch.tensor([power / sum(powers) for power in powers])
        assert_close(trace[0, "encoder", 1][i], by_hand, **SAME_MATH)


@torch.inference_mode()
@pytest.mark.parametrize("config", [TRANSFORMER, RECURRENT], ids=["transformer", "recurrent"])
def test_the_trace_is_what_the_stepwise_run_saw(tmp_path: Path, config: ModelConfig) -> None:
    engine, trace = traced(tmp_path, config)
    (model,), sides = engine.models, engine.sides
    batch = Batch.of([sides.source.vocabulary.ids(SOURCE)], [sides.target.vocabulary.ids(TARGET)])
    with observing(model, Recorder) as recorders:
        state = model.init_state(model.encode(batch.source))
        for tokens_R in batch.target_in.ids.T:
            _, state = model.step(tokens_R, state)
    for kind, attentions in layers_of(model).items():
        assert len(attentions) == len(trace.layers[kind])
        for (name, _), forced_HQK in zip(attentions, trace.layers[kind], strict=True):
            assert_close(recorders[name].joined()[0], forced_HQK, **SAME_MATH)


def test_a_text_is_translated_and_its_translation_traced(tmp_path: Path) -> None:
    save_tiny_model(tmp_path / "model", decoding=GreedyConfig())
    translator = Translator.load(tmp_path / "model")
    trace = trace_text(translator, "abcd.")
    assert trace.source == (*"abcd.", "</s>")
    assert trace.target_out == (*translator.translate("abcd.").tokens, "</s>")


def test_an_over_long_text_is_cut(tmp_path: Path) -> None:
    save_tiny_model(tmp_path / "model", longest=4)
    assert trace_text(Translator.load(tmp_path / "model"), "abcdefgh").source == (*"abcd", "</s>")


def test_nothing_to_look_at(tmp_path: Path) -> None:
    save_tiny_model(tmp_path / "model")
    with pytest.raises(DataError, match="text: there is nothing to look at"):
        trace_text(Translator.load(tmp_path / "model"), "  ")


def test_only_a_single_model_on_torch(tmp_path: Path) -> None:
    folder = save_tiny_model(tmp_path / "model")
    for engine in (TorchEngine.load([folder, folder]), EchoEngine()):
        words = f"engine '{engine.name}': only a single model on torch can be looked into .load one run"
        with pytest.raises(UnsupportedError, match=words):
            trace_pair(engine, SOURCE, TARGET)
