"""The logits of Hugging Face's MarianMTModel with the same weights."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from regard.data.batch import Batch
from regard.layers.configs import FeedForwardConfig, GELUConfig, NoPositionsConfig, ReLUConfig, ThreeWayConfig
from regard.layers.positions import Positions, sinusoids
from regard.models.base import Seq2SeqModel, build_model
from regard.models.configs import TransformerConfig
from regard.text.vocabulary import BOS, EOS, PAD
from tests.tiny import PAPER, TARGET_SIZE, tiny_batch

pytestmark = pytest.mark.extra

CONFIG = replace(PAPER, encoder_layers=3, positions=NoPositionsConfig(), embeddings=ThreeWayConfig())
LAYER_NAMES = {  # ours in a layer -> theirs
    "around_self.norm": "self_attn_layer_norm",
    "around_source.norm": "encoder_attn_layer_norm",
    "around_widening.norm": "final_layer_norm",
    "widening.widen": "fc1",
    "widening.narrow": "fc2",
    "self_attention": "self_attn",
    "source_attention": "encoder_attn",
    "query": "q_proj",
    "key": "k_proj",
    "value": "v_proj",
    "output": "out_proj",
}


class MarianPositions(Positions):
    """Adds Marian's own table: all sines before all cosines, where the paper has them in turn."""

    def __init__(self, table: Tensor) -> None:
        super().__init__(NoPositionsConfig(), table.size(1), 1, causal=False)
        self.table = table

    def add(self, x: Tensor, first: int = 0) -> Tensor:
        return x + self.table[first : first + x.size(1)]


@torch.no_grad()
def marian(config: TransformerConfig) -> Any:
    """Make a Marian model with random weights, biases of the logits too."""
    from transformers import MarianConfig, MarianMTModel

    layers = {"encoder_layers": config.encoder_layers, "decoder_layers": config.decoder_layers}
    heads = dict.fromkeys(("encoder_attention_heads", "decoder_attention_heads"), config.heads)
    inner = dict.fromkeys(("encoder_ffn_dim", "decoder_ffn_dim"), config.d_ff)
    ids = {"pad_token_id": PAD, "eos_token_id": EOS, "forced_eos_token_id": EOS, "decoder_start_token_id": BOS}
    settings = MarianConfig(
        vocab_size=TARGET_SIZE,
        d_model=config.d_model,
        max_position_embeddings=20,
        activation_function=config.feed_forward.kind,
        scale_embedding=True,
        **(layers | heads | inner | ids),
    )
    model = MarianMTModel(settings).eval()
    learnt = [weight for weight in model.parameters() if weight.requires_grad]  # the positions are not
    for weight in (*learnt, model.final_logits_bias):
        weight.add_(torch.randn_like(weight), alpha=0.2)
    return model


@torch.no_grad()
def copied(theirs: Any, config: TransformerConfig) -> Seq2SeqModel:
    """Make a model of ours with the weights and the positions of Marian's."""
    ours, weights = build_model(config, TARGET_SIZE, TARGET_SIZE).eval(), theirs.state_dict()
    for name, weight in ours.named_parameters():
        if not name.startswith("embeddings."):
            for our_part, their_part in LAYER_NAMES.items():
                name = name.replace(f".{our_part}.", f".{their_part}.")  # noqa: PLW2901
            weight.copy_(weights[f"model.{name}"])
    ours.embeddings.table.copy_(weights["model.shared.weight"])
    ours.embeddings.output_bias.copy_(weights["final_logits_bias"][0])
    return ours


def marian_logits(theirs: Any, batch: Batch) -> Tensor:
    mask = batch.source.mask[:, 0, 0].long()
    return theirs(input_ids=batch.source.ids, attention_mask=mask, decoder_input_ids=batch.target_in.ids).logits


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-9), (torch.float32, 1e-4)], ids=str)
@pytest.mark.parametrize("feed_forward", [ReLUConfig(), GELUConfig()], ids=lambda config: config.kind)
def test_logits_are_those_of_marian(feed_forward: FeedForwardConfig, dtype: torch.dtype, tolerance: float) -> None:
    config, batch = replace(CONFIG, feed_forward=feed_forward), tiny_batch()
    theirs = marian(config).to(dtype)
    ours = copied(theirs, config).to(dtype)
    for stack, their_stack in ((ours.encoder, theirs.model.encoder), (ours.decoder, theirs.model.decoder)):
        stack.positions = MarianPositions(their_stack.embed_positions.weight)
    assert_close(ours(batch), marian_logits(theirs, batch), rtol=0.0, atol=tolerance)


def test_positions_are_those_of_marian_in_another_order() -> None:
    table = marian(CONFIG).model.encoder.embed_positions.weight
    ours = sinusoids(torch.arange(20), CONFIG.d_model)
    assert_close(torch.cat((ours[:, 0::2], ours[:, 1::2]), dim=1), table, rtol=1e-5, atol=1e-5)  # theirs are in float64
