"""Other people's Transformers in one training loop: what `train_speed.py` compares with.

Each function makes a system's own model of a shape: pre-norm, ReLU, sinusoidal positions, one vocabulary, tied. What
the loop does around it is the same for all: label smoothing, clipping, Adam, float32 or autocast to bfloat16.
"""

from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

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
        hidden = model(tables.embed(source), tables.embed(target), tgt_mask=causal, tgt_is_causal=True)
        return tables.logits(hidden)

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
    return model, lambda source, target: model(input_ids=source, decoder_input_ids=target, use_cache=False).logits


def x_transformers(shape: Shape) -> tuple[nn.Module, Logits]:
    """Make x-transformers' encoder and decoder."""
    from x_transformers import Decoder, Encoder, TransformerWrapper

    head = {"heads": shape.heads, "attn_dim_head": shape.d_model // shape.heads}
    dropouts = {"attn_dropout": 0.1, "ff_dropout": 0.1}
    common: dict[str, Any] = {"dim": shape.d_model, "depth": shape.layers, "ff_mult": shape.d_ff / shape.d_model}
    common |= head | dropouts
    sizes: dict[str, Any] = {"num_tokens": VOCABULARY, "max_seq_len": shape.tokens, "emb_dropout": shape.dropout}
    encoder = TransformerWrapper(attn_layers=Encoder(**common), **sizes)
    decoder = TransformerWrapper(attn_layers=Decoder(cross_attend=True, **common), tie_embedding=True, **sizes)
    decoder.token_emb = encoder.token_emb

    def logits(source: Tensor, target: Tensor) -> Tensor:
        return decoder(target, context=encoder(source, return_embeddings=True))

    return nn.ModuleList([encoder, decoder]), logits


PEERS: dict[str, Callable[[Shape], tuple[nn.Module, Logits]]] = {
    "torch.nn.Transformer": torch_transformer,
    "hf-marian": marian,
    "x-transformers": x_transformers,
}


def peer_steps(name: str, shape: Shape, precision: str) -> Iterator[Callable[[], int]]:
    """Yield one function that does a training step and returns how many target tokens it learnt from."""
    torch.manual_seed(1)
    model, logits = PEERS[name](shape)
    model.train()
    weights = list(model.parameters())
    optimizer = torch.optim.Adam(weights, lr=1e-3, betas=(0.9, 0.98), fused=True)

    def step() -> int:
        source, target = torch.randint(4, VOCABULARY, (2, shape.sentences, shape.tokens))
        read = F.pad(target[:, :-1], (1, 0), value=START)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bfloat16"):
            found = logits(source, read).flatten(0, 1)
            loss = F.cross_entropy(found, target.flatten(), label_smoothing=0.1, ignore_index=PAD)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        return target.numel()

    yield step
