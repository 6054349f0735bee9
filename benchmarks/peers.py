"""Other people's Transformers in one training loop: what `train_speed.py` compares with.

Each function makes a system's own model of a shape: pre-norm, ReLU, sinusoidal positions, one vocabulary, tied; where
a system has no choice, its docstring says so. Who wants masks gets them where a batch has padding, who wants lengths
gets them always. What the loop does around it is the same for all: label smoothing, clipping, Adam, float32 or autocast
to bfloat16.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import cycle
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from regard.data.batch import Batch
from steps import VOCABULARY, Shape

PAD, START = 0, 1

Logits = Callable[[Tensor, Tensor], Tensor]
"""From source ids (B S) and what the decoder reads (B T) to logits (B T V)."""


class Tables(nn.Module):
    """Embeddings with sinusoidal positions and the projection back, for systems that bring the layers alone."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.randn(VOCABULARY, shape.d_model) * shape.d_model**-0.5)
        even = torch.arange(0, shape.d_model, 2)
        angles = torch.arange(shape.tokens)[:, None] * torch.exp(even * (-9.21034 / shape.d_model))
        self.register_buffer("places", torch.stack((angles.sin(), angles.cos()), -1).flatten(1))
        self.scale, self.p = shape.d_model**0.5, shape.dropout

    def embed(self, ids: Tensor) -> Tensor:
        """Return embeddings with positions, dropped out."""
        return F.dropout(F.embedding(ids, self.table) * self.scale + self.places[: ids.size(1)], self.p, self.training)

    def logits(self, x: Tensor) -> Tensor:
        """Project back to the vocabulary."""
        return x @ self.table.T


def torch_transformer(shape: Shape) -> tuple[nn.Module, Logits]:
    """Make PyTorch's own `nn.Transformer`."""
    model = nn.Transformer(
        *(shape.d_model, shape.heads, shape.layers, shape.layers, shape.d_ff, shape.dropout),
        batch_first=True,
        norm_first=True,
    )
    tables = Tables(shape)
    causal = nn.Transformer.generate_square_subsequent_mask(shape.tokens)

    def logits(source: Tensor, target: Tensor) -> Tensor:
        seen, unseen = present(source), None
        if seen is not None:
            unseen = torch.zeros_like(source, dtype=torch.float32).masked_fill(~seen, -torch.inf)
        masks: dict[str, Any] = {"src_key_padding_mask": unseen, "memory_key_padding_mask": unseen}
        masks |= {"tgt_mask": causal[: target.size(1), : target.size(1)], "tgt_is_causal": True}
        return tables.logits(model(tables.embed(source), tables.embed(target), **masks))

    return nn.ModuleList([model, tables]), logits


def marian(shape: Shape) -> tuple[nn.Module, Logits]:
    """Make Hugging Face's MarianMTModel, which is post-norm: the same work in another order."""
    from transformers import MarianConfig, MarianMTModel

    side = {"layers": shape.layers, "ffn_dim": shape.d_ff, "attention_heads": shape.heads}
    config = MarianConfig(
        vocab_size=VOCABULARY,
        d_model=shape.d_model,
        max_position_embeddings=shape.tokens,
        dropout=shape.dropout,
        attention_dropout=0.1,
        activation_dropout=0.1,
        activation_function="relu",
        scale_embedding=True,
        pad_token_id=PAD,
        eos_token_id=2,
        decoder_start_token_id=START,
        **{f"{name}_{key}": value for name in ("encoder", "decoder") for key, value in side.items()},
    )
    model = MarianMTModel(config)

    def logits(source: Tensor, target: Tensor) -> Tensor:
        given = {"input_ids": source, "attention_mask": present(source), "decoder_input_ids": target}
        return model(**given, use_cache=False).logits

    return model, logits


def x_transformers(shape: Shape) -> tuple[nn.Module, Logits]:
    """Make x-transformers' encoder and decoder: no biases in the attentions, a learnt scale for the positions."""
    from x_transformers import Decoder, Encoder, TransformerWrapper

    head = {"heads": shape.heads, "attn_dim_head": shape.d_model // shape.heads}
    dropouts = {"attn_dropout": 0.1, "ff_dropout": 0.1}
    dropouts |= {"attn_sublayer_dropout": shape.dropout, "ff_sublayer_dropout": shape.dropout}
    common: dict[str, Any] = {"dim": shape.d_model, "depth": shape.layers, "ff_mult": shape.d_ff / shape.d_model}
    common |= head | dropouts | {"ff_custom_activation": nn.ReLU()}
    sizes: dict[str, Any] = {"num_tokens": VOCABULARY, "max_seq_len": shape.tokens, "emb_dropout": shape.dropout}
    sizes |= {"scaled_sinu_pos_emb": True, "tie_embedding": True}
    encoder = TransformerWrapper(attn_layers=Encoder(**common), **sizes)
    decoder = TransformerWrapper(attn_layers=Decoder(cross_attend=True, **common), **sizes)
    decoder.token_emb = encoder.token_emb

    def logits(source: Tensor, target: Tensor) -> Tensor:
        seen = present(source)
        return decoder(target, context=encoder(source, mask=seen, return_embeddings=True), context_mask=seen)

    return nn.ModuleList([encoder, decoder]), logits


def fairseq(shape: Shape) -> tuple[nn.Module, Logits]:
    """Make fairseq's TransformerModelBase, whose last layer returns its attention too."""
    from fairseq.models.transformer import TransformerDecoderBase, TransformerEncoderBase, TransformerModelBase
    from fairseq.models.transformer.transformer_base import Embedding
    from fairseq.models.transformer.transformer_config import (
        DecoderConfig,
        EncDecBaseConfig,
        QuantNoiseConfig,
        TransformerConfig,
    )

    sizes = {"embed_dim": shape.d_model, "ffn_embed_dim": shape.d_ff, "attention_heads": shape.heads}
    side: dict[str, Any] = sizes | {"layers": shape.layers, "normalize_before": True}
    config = TransformerConfig(
        encoder=EncDecBaseConfig(**side),
        decoder=DecoderConfig(**side),
        quant_noise=QuantNoiseConfig(),
        dropout=shape.dropout,
        attention_dropout=0.1,
        activation_dropout=0.1,
        share_all_embeddings=True,
        share_decoder_input_output_embed=True,
    )
    table = Embedding(VOCABULARY, shape.d_model, PAD)  # its dictionaries are for texts; the parts do without
    sides = TransformerEncoderBase(config, None, table), TransformerDecoderBase(config, None, table)
    model = TransformerModelBase(config, *sides)
    return model, lambda source, target: model(source, lengths(source), target)[0]


def opennmt_py(shape: Shape) -> tuple[nn.Module, Logits]:
    """Make OpenNMT-py's NMTModel: inside the feed-forward layers it drops as much as elsewhere."""
    from onmt.decoders import TransformerDecoder
    from onmt.encoders import TransformerEncoder
    from onmt.models import NMTModel
    from onmt.modules import Embeddings

    table = Embeddings(
        shape.d_model,
        VOCABULARY,
        PAD,
        position_encoding=True,
        position_encoding_type="SinusoidalInterleaved",
        dropout=shape.dropout,
    )
    common: dict[str, Any] = {
        "num_layers": shape.layers,
        "d_model": shape.d_model,
        "heads": shape.heads,
        "d_ff": shape.d_ff,
        "dropout": shape.dropout,
        "attention_dropout": 0.1,
        "embeddings": table,
        "max_relative_positions": 0,
        "relative_positions_buckets": 0,
        "add_qkvbias": True,
    }
    rest: dict[str, Any] = {"copy_attn": False, "self_attn_type": "scaled-dot-flash", "aan_useffn": False}
    rest |= {"full_context_alignment": False, "alignment_layer": -3, "alignment_heads": 0}
    model = NMTModel(TransformerEncoder(**common), TransformerDecoder(**common, **rest))
    model.generator = nn.Linear(shape.d_model, VOCABULARY, bias=False)
    model.generator.weight = table.word_lut.weight

    def logits(source: Tensor, target: Tensor) -> Tensor:
        whole = F.pad(target, (0, 1))  # it reads all but the last
        return model.generator(model(source[..., None], whole[..., None], lengths(source))[0])

    return glorot(model), logits


def eole(shape: Shape) -> tuple[nn.Module, Logits]:
    """Make EOLE's EncoderDecoderModel: inside the feed-forward layers it drops as much as elsewhere."""
    from eole.config.models import TransformerModelConfig
    from eole.config.training import TrainingConfig
    from eole.models.model import EncoderDecoderModel

    config = TransformerModelConfig(
        layers=shape.layers,
        hidden_size=shape.d_model,
        word_vec_size=shape.d_model,
        transformer_ff=shape.d_ff,
        heads=shape.heads,
        add_qkvbias=True,
        add_final_linear_bias=True,
        add_ffnbias=True,
        share_embeddings=True,
        share_decoder_embeddings=True,
        generator_bias=False,
    )
    words = {"<blank>": PAD} | {f"w{i}": i for i in range(1, VOCABULARY)}
    training = TrainingConfig(dropout=[shape.dropout], attention_dropout=[0.1], param_init_method="xavier_uniform")
    vocabularies = {"src": words, "tgt": words, "specials": {}}
    model = EncoderDecoderModel.for_training(config, vocabularies, training, device_id=-1)  # on the CPU

    def logits(source: Tensor, target: Tensor) -> Tensor:
        whole = F.pad(target, (0, 1))  # it reads all but the last
        return model.generator(model(source, whole, lengths(source)).dec_out)

    return model, logits


def joeynmt(shape: Shape) -> tuple[nn.Module, Logits]:
    """Make JoeyNMT's encoder and decoder, which know one dropout for everything."""
    from joeynmt.decoders import TransformerDecoder
    from joeynmt.embeddings import Embeddings
    from joeynmt.encoders import TransformerEncoder

    table = Embeddings(shape.d_model, scale=True, vocab_size=VOCABULARY, padding_idx=PAD)
    common: dict[str, Any] = {
        "num_layers": shape.layers,
        "hidden_size": shape.d_model,
        "ff_size": shape.d_ff,
        "num_heads": shape.heads,
        "dropout": shape.dropout,
        "emb_dropout": shape.dropout,
        "layer_norm": "pre",
    }
    encoder = TransformerEncoder(**common)
    decoder = TransformerDecoder(**common, vocab_size=VOCABULARY)
    decoder.output_layer.weight = table.lut.weight

    def logits(source: Tensor, target: Tensor) -> Tensor:
        seen, read = (ids.ne(PAD)[:, None] for ids in (source, target))
        memory, _ = encoder(table(source), lengths(source), seen)
        return decoder(table(target), memory, None, seen, target.size(1), None, read)[0]

    return glorot(nn.ModuleList([table, encoder, decoder])), logits


def lengths(ids: Tensor) -> Tensor:
    """Return how long each sentence is."""
    return ids.ne(PAD).sum(1)


def present(ids: Tensor) -> Tensor | None:
    """Return where a token stands that is no padding; nothing if no batch needs to ask."""
    seen = ids.ne(PAD)
    return None if seen.all() else seen


def glorot(model: nn.Module) -> nn.Module:
    """Draw the weights as OpenNMT-py and JoeyNMT do when they make a model of their parts: Xavier, biases 0."""
    for name, weight in model.named_parameters():
        if weight.dim() > 1:
            nn.init.xavier_uniform_(weight)
        elif name.endswith("bias"):
            nn.init.zeros_(weight)
    return model


PEERS: dict[str, Callable[[Shape], tuple[nn.Module, Logits]]] = {
    "torch.nn.Transformer": torch_transformer,
    "hf-marian": marian,
    "x-transformers": x_transformers,
    "fairseq": fairseq,
    "OpenNMT-py": opennmt_py,
    "eole": eole,
    "joeynmt": joeynmt,
}


def random_batches(shape: Shape, count: int) -> list[Batch]:
    """Return batches without padding."""
    size = count, 2, shape.sentences, shape.tokens - 1
    return [Batch.of(source, target) for source, target in torch.randint(4, VOCABULARY, size).tolist()]


def peer_steps(name: str, shape: Shape, precision: str, batches: Sequence[Batch] = ()) -> Iterator[Callable[[], int]]:
    """Yield one function that does a training step and returns how many target tokens it learnt from."""
    torch.manual_seed(1)
    batches = batches or random_batches(shape, 8)
    longest = max(side.ids.size(1) for batch in batches for side in (batch.source, batch.target_in))
    model, logits = PEERS[name](replace(shape, tokens=longest))
    following = cycle(batches)
    model.train()
    weights = list(model.parameters())
    optimizer = torch.optim.Adam(weights, lr=1e-3, betas=(0.9, 0.98), fused=True)

    def step() -> int:
        batch = next(following)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bfloat16"):
            found = logits(batch.source.ids, batch.target_in.ids).flatten(0, 1)
            loss = F.cross_entropy(found, batch.target_out.flatten(), label_smoothing=0.1, ignore_index=PAD)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        return batch.tokens

    yield step
