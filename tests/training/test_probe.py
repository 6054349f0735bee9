import torch

from regard.models.base import build_model
from regard.models.configs import TransformerConfig
from regard.training.configs import TrainingConfig
from regard.training.probe import tokens_per_second


def test_a_model_is_tried_on_made_up_batches() -> None:
    config = TransformerConfig(d_model=16, d_ff=16, heads=2, encoder_layers=1, decoder_layers=1)
    model = build_model(config, 50, 50)
    training = TrainingConfig(batch_tokens=512, precision="float32", threads=1)
    before = torch.get_rng_state()
    assert tokens_per_second(model, training, (50, 50), (7.0, 5.5)) > 0
    assert torch.equal(torch.get_rng_state(), before)
