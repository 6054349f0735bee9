"""The logits of torch.nn.Transformer with the same weights."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from regard.data.batch import Batch
from regard.layers.configs import (
    FeedForwardConfig,
    GELUConfig,
    NoPositionsConfig,
    PositionsConfig,
    PostNormConfig,
    PreNormConfig,
    ReLUConfig,
    ResidualConfig,
    SinusoidalConfig,
)
from regard.models.base import Seq2SeqModel
from regard.models.configs import TransformerConfig
from tests.tiny import PAPER, tiny_batch, tiny_model

CONFIG = replace(PAPER, encoder_layers=3, decoder_layers=2)
TORCH_NAMES = {  # ours in a layer -> theirs in an encoder layer, theirs in a decoder layer
    "around_self.norm": ("norm1", "norm1"),
    "around_source.norm": ("", "norm2"),
    "around_widening.norm": ("norm2", "norm3"),
    "widening.widen": ("linear1", "linear1"),
    "widening.narrow": ("linear2", "linear2"),
    "self_attention.output": ("self_attn.out_proj", "self_attn.out_proj"),
    "source_attention.output": ("", "multihead_attn.out_proj"),
}
ATTENTIONS = {"self_attention": "self_attn", "source_attention": "multihead_attn"}


def torch_weights(ours: Seq2SeqModel) -> dict[str, Tensor]:
    """Return our weights as torch names them: queries, keys and values of an attention are one matrix there."""
    theirs: dict[str, Tensor] = {}
    for name, tensor in ours.state_dict().items():
        stack, _, rest = name.partition(".")
        if stack == "embeddings":
            continue
        if rest.startswith("final."):
            theirs[f"{stack}.norm.{rest.removeprefix('final.')}"] = tensor
            continue
        _, layer, rest = rest.split(".", 2)
        part, _, kind = rest.rpartition(".")
        prefix = f"{stack}.layers.{layer}."
        if part in TORCH_NAMES:
            theirs[f"{prefix}{TORCH_NAMES[part][stack == 'decoder']}.{kind}"] = tensor
            continue
        attention, _, projection = part.partition(".")
        assert projection in ("query", "key", "value")
        if projection == "query":
            others = [ours.state_dict()[name.replace("query", other)] for other in ("key", "value")]
            theirs[f"{prefix}{ATTENTIONS[attention]}.in_proj_{kind}"] = torch.cat([tensor, *others])
    return theirs


def torch_transformer(ours: Seq2SeqModel, config: TransformerConfig, dtype: torch.dtype) -> nn.Transformer:
    """Make torch's with the same weights; its closing norms go where the norm comes after, as in the paper."""
    theirs = nn.Transformer(
        config.d_model,
        config.heads,
        config.encoder_layers,
        config.decoder_layers,
        config.d_ff,
        dropout=0.0,
        activation=config.feed_forward.kind,
        batch_first=True,
        norm_first=config.residual.kind == "pre-norm",
        dtype=dtype,
    )
    if config.residual.kind == "post-norm":
        theirs.encoder.norm = theirs.decoder.norm = None
    theirs.load_state_dict(torch_weights(ours))
    return theirs


def torch_logits(theirs: nn.Transformer, ours: Seq2SeqModel, batch: Batch) -> Tensor:
    """Run torch's between our embeddings and our projection to logits."""
    padding = torch.arange(batch.source.ids.size(1)) >= batch.source.lengths[:, None]
    length = batch.target_in.ids.size(1)
    hidden = theirs(
        ours.encoder.positions.add(ours.embeddings.source(batch.source.ids)),
        ours.decoder.positions.add(ours.embeddings.target(batch.target_in.ids)),
        tgt_mask=torch.ones(length, length, dtype=torch.bool).triu(1),
        src_key_padding_mask=padding,
        memory_key_padding_mask=padding,
    )
    return ours.embeddings.logits(hidden)


@pytest.mark.filterwarnings("ignore:enable_nested_tensor is True:UserWarning")  # torch's, on a road we do not take
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-9), (torch.float32, 1e-4)], ids=str)
@pytest.mark.parametrize("positions", [NoPositionsConfig(), SinusoidalConfig()], ids=lambda config: config.kind)
@pytest.mark.parametrize("feed_forward", [ReLUConfig(), GELUConfig()], ids=lambda config: config.kind)
@pytest.mark.parametrize("residual", [PostNormConfig(), PreNormConfig()], ids=lambda config: config.kind)
def test_logits_are_those_of_torch(
    residual: ResidualConfig,
    feed_forward: FeedForwardConfig,
    positions: PositionsConfig,
    dtype: torch.dtype,
    tolerance: float,
) -> None:
    config = replace(CONFIG, residual=residual, feed_forward=feed_forward, positions=positions)
    ours, batch = tiny_model(config).to(dtype), tiny_batch()
    theirs = torch_logits(torch_transformer(ours, config, dtype), ours, batch)
    assert_close(ours(batch), theirs, rtol=0.0, atol=tolerance)
