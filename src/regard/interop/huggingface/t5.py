"""T5, its version 1.1 (FLAN-T5 too) and mT5: pre-norm with RMSNorm, relative positions, no biases.

Theirs does not divide q·k by √D, so our queries are times √D. Where input and output share a matrix, the logits are
divided by √d_model there, as ours are if the matrix itself is: embeddings are multiplied by √d_model again.
"""

import math
from typing import TYPE_CHECKING

from regard.errors import UnsupportedError
from regard.interop.huggingface.architecture import Architecture
from regard.interop.huggingface.bart_family import SILENT
from regard.interop.huggingface.files import HubFolder
from regard.interop.huggingface.vocabularies import Rows
from regard.layers.configs import (
    EmbeddingsConfig,
    GEGLUConfig,
    PreNormConfig,
    ReLUConfig,
    RMSNormConfig,
    SeparateConfig,
    SwiGLUConfig,
    T5Config,
    ThreeWayConfig,
)
from regard.models.configs import TransformerConfig
from regard.text.vocabulary import BOS

if TYPE_CHECKING:
    from torch import Tensor

    from regard.interop.huggingface.weights import Taken

FEED_FORWARDS = {"relu": ReLUConfig(), "gated-gelu": GEGLUConfig(), "gated-silu": SwiGLUConfig()}

PARTS = {"query": "q", "key": "k", "value": "v", "output": "o", "gate": "wi_0", "widen": "wi_1", "narrow": "wo"}
"""Ours in a sub-layer -> theirs; a layer that has no gate calls its first matrix wi."""

SUBLAYERS = {
    "encoder": ("self", "widening"),
    "decoder": ("self", "source", "widening"),
}
"""Sub-layers of ours in their order."""

NAMES = {"self": "SelfAttention", "source": "EncDecAttention", "widening": "DenseReluDense"}


def model_config(folder: HubFolder) -> TransformerConfig:
    """Return the config of ours that is their model.

    Raises UnsupportedError, naming it, for what regard has no part for; CheckpointError for a damaged config.
    """
    where = str(folder.path / "config.json")
    d_model, heads, d_head = (folder.setting(name, int) for name in ("d_model", "num_heads", "d_kv"))
    if heads * d_head != d_model:
        problem = f"{heads} heads of d_kv={d_head} are not d_model={d_model}"
        raise UnsupportedError(problem, where=where, hint="regard's heads share d_model; the base sizes do fit")
    bend = folder.setting("feed_forward_proj", str, default="relu")
    if bend not in FEED_FORWARDS:
        hint = f"regard has {', '.join(FEED_FORWARDS)}"
        raise UnsupportedError(f"feed_forward_proj {bend!r} has no counterpart", where=where, hint=hint)
    layers = folder.setting("num_layers", int)
    dropout = folder.setting("dropout_rate", float, default=0.1)
    return TransformerConfig(
        encoder_layers=layers,
        decoder_layers=folder.setting("num_decoder_layers", int, default=layers),
        d_model=d_model,
        heads=heads,
        d_ff=folder.setting("d_ff", int),
        dropout=dropout,
        attention_dropout=dropout,
        inner_dropout=dropout,
        embeddings=embeddings(folder),
        positions=T5Config(
            buckets=folder.setting("relative_attention_num_buckets", int, default=32),
            distance=folder.setting("relative_attention_max_distance", int, default=128),
        ),
        residual=PreNormConfig(),
        norm=RMSNormConfig(epsilon=folder.setting("layer_norm_epsilon", float, default=1e-6)),
        feed_forward=FEED_FORWARDS[bend],
    )


def embeddings(folder: HubFolder) -> EmbeddingsConfig:
    """Return which of source, target and output share a matrix."""
    if folder.config.get("tie_word_embeddings") is False:
        return SeparateConfig(scaled=False)
    return ThreeWayConfig()


def their_name(ours: str) -> str:
    """Return their name for a tensor of a stack of ours."""
    stack, part, *rest = ours.split(".")
    if part != "layers":
        return f"{stack}.final_layer_norm.weight"
    number, place, name, _ = rest
    sub = place.removesuffix("_attention").removeprefix("around_")
    sublayer = f"{stack}.block.{number}.layer.{SUBLAYERS[stack].index(sub)}"
    return f"{sublayer}.layer_norm.weight" if name == "norm" else f"{sublayer}.{NAMES[sub]}.{PARTS[name]}.weight"


def model_weights(folder: HubFolder, config: TransformerConfig, rows: Rows) -> "dict[str, Tensor]":
    """Return their weights under our names, and with our order of tokens; the biases that it lacks are zeros.

    Raises CheckpointError if a tensor is missing, UnsupportedError if there is one too many.
    """
    import torch

    from regard.interop.huggingface.weights import Taken, rows_of
    from regard.models.base import build_model

    theirs, where = Taken(folder.tensors(), str(folder.path)), str(folder.path)
    with torch.device("meta"):
        small = build_model(config, 4, 4).state_dict()
    weights = {}
    for name, tensor in small.items():
        if name.startswith("embeddings.") or ".positions." in name:
            continue
        if name.endswith(".bias"):
            weights[name] = torch.zeros(tensor.shape)
            continue
        names = their_name(name), their_name(name).replace(".wi_1.", ".wi.")
        weights[name] = theirs.one(*dict.fromkeys(names))
        if name.endswith("attention.query.weight"):
            weights[name] = weights[name] * math.sqrt(config.d_head)
    for stack in ("encoder", "decoder"):
        bias = f"{stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight"
        weights[f"{stack}.positions.table"] = theirs.one(bias).T.contiguous()
    theirs.ignore(["decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"])  # which nothing reads
    for ours, matrix in embedding_tables(theirs, config).items():
        weights[f"embeddings.{ours}"] = rows_of(matrix, rows.source, where)
    weights["embeddings.output_bias"] = torch.zeros(len(rows.target))
    if rows.start_is_another:
        weights["embeddings.output_bias"][BOS] = SILENT
    theirs.nothing_left()
    return weights


def embedding_tables(theirs: "Taken", config: TransformerConfig) -> "dict[str, Tensor]":
    """Take the matrices of embeddings under our names."""
    head = theirs.one("lm_head.weight") if theirs.has("lm_head.weight") else None
    shared = theirs.one("shared.weight", "encoder.embed_tokens.weight", "decoder.embed_tokens.weight")
    if config.embeddings.kind == "three-way":
        return {"table": shared / math.sqrt(config.d_model)}
    return {"source_table": shared, "target_table": shared, "output_table": shared if head is None else head}


T5 = Architecture(model_config, model_weights)
