from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from regard.config import from_mapping
from regard.errors import ConfigError
from regard.models.configs import RecurrentConfig
from regard.models.recurrent import GRU, LSTM
from tests.tiny import RECURRENT, fresh_model, tiny_batch, tiny_model
from tests.tolerances import SAME_MATH

CONFIGS = {"lstm": RECURRENT, "gru": replace(RECURRENT, cell="gru", encoder_layers=2, decoder_layers=2)}
every_config = pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)


def test_a_cell_remembers_what_its_kind_remembers() -> None:
    x, hidden = torch.randn(2, 3), torch.randn(2, 4)
    lstm, gru = LSTM(3, 4), GRU(3, 4)
    assert_close(lstm(x, lstm.start(hidden)), nn.LSTMCell.forward(lstm, x, (hidden, torch.zeros(2, 4))))
    assert_close(gru(x, gru.start(hidden)), (nn.GRUCell.forward(gru, x, hidden),))


@every_config
@torch.no_grad()
def test_the_encoder_reads_every_sentence_from_both_ends(config: RecurrentConfig) -> None:
    model, source = tiny_model(config), tiny_batch().source
    memory = model.encode(source).hidden
    for row, length in enumerate(source.lengths):
        x = model.embeddings.source(source.ids[[row], :length])
        for layer in model.encoder.layers:
            x, _ = layer(x)
        assert_close(memory[row, :length], x[0], **SAME_MATH)
        assert (memory[row, length:] == 0).all()


@every_config
@torch.no_grad()
def test_every_layer_starts_from_what_was_read_backwards(config: RecurrentConfig) -> None:
    model = tiny_model(config)
    memory = model.encode(tiny_batch().source)
    state = model.init_state(memory)
    starts = torch.tanh(model.decoder.start(memory.hidden[:, 0, 8:]))
    assert len(state.layers) == config.decoder_layers
    for depth, layer in enumerate(state.layers):
        assert_close(layer[0], starts[:, 16 * depth : 16 * (depth + 1)])
        assert all((part == 0).all() for part in layer[1:])


def test_maxout_keeps_the_larger_of_two_neighbours() -> None:
    decoder = tiny_model(replace(RECURRENT, d_model=2)).decoder
    decoder.join = nn.Identity()
    assert decoder.maxout(torch.tensor([[[1.0, 4.0, -2.0, -3.0]]])).tolist() == [[[4.0, -2.0]]]


@every_config
def test_what_goes_from_step_to_step_starts_orthogonal(config: RecurrentConfig) -> None:
    recurrent = [weight for name, weight in fresh_model(config).named_parameters() if "weight_hh" in name]
    gates = [gate for weight in recurrent for gate in weight.split(weight.size(1))]
    assert len(gates) == (2 * config.encoder_layers + config.decoder_layers) * {"lstm": 4, "gru": 3}[config.cell]
    for gate in gates:
        assert_close(gate @ gate.T, torch.eye(len(gate)), **SAME_MATH)


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"d_model: 15 is odd \(the encoder has two directions\)"):
        RecurrentConfig(d_model=15)
    with pytest.raises(ConfigError, match=r"attention_dropout: 1.0 is not within 0 to 1"):
        RecurrentConfig(attention_dropout=1.0)
    with pytest.raises(ConfigError, match=r"model.cell: unknown value 'lstn' \(did you mean 'lstm'\?\)"):
        from_mapping(RecurrentConfig, {"cell": "lstn"}, "model")
