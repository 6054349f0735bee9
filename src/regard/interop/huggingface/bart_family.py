"""Marian, BART, mBART, M2M100 and NLLB: one layout, of which each takes other parts.

The names of tensors on both sides, and what a config of theirs means in parts of ours.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from regard.errors import UnsupportedError
from regard.interop.huggingface.architecture import Architecture
from regard.interop.huggingface.files import HubFolder
from regard.interop.huggingface.vocabularies import Rows
from regard.layers.configs import (
    EmbeddingsConfig,
    FeedForwardConfig,
    GELUConfig,
    LayerNormConfig,
    LearnedConfig,
    PositionsConfig,
    PostNormConfig,
    PreNormConfig,
    ReLUConfig,
    SeparateConfig,
    SiLUConfig,
    SinusoidalConfig,
    T2TSinusoidalConfig,
    ThreeWayConfig,
    TwoWayConfig,
)
from regard.models.configs import TransformerConfig
from regard.text.vocabulary import BOS

if TYPE_CHECKING:
    from torch import Tensor

    from regard.interop.huggingface.weights import Taken

SILENT = -1e4
"""Logit of BOS where theirs starts with a token that has another use: never written, whatever it is compared with."""

FIRST_LEARNED = 2
"""Rows of their learnt positions before that of the first token."""

ACTIVATIONS: Mapping[str, FeedForwardConfig] = {
    "relu": ReLUConfig(),
    "gelu": GELUConfig(),
    "silu": SiLUConfig(),
    "swish": SiLUConfig(),
}

PARTS = {  # ours in a layer -> theirs
    "around_self.norm": "self_attn_layer_norm",
    "around_source.norm": "encoder_attn_layer_norm",
    "around_widening.norm": "final_layer_norm",
    "self_attention.query": "self_attn.q_proj",
    "self_attention.key": "self_attn.k_proj",
    "self_attention.value": "self_attn.v_proj",
    "self_attention.output": "self_attn.out_proj",
    "source_attention.query": "encoder_attn.q_proj",
    "source_attention.key": "encoder_attn.k_proj",
    "source_attention.value": "encoder_attn.v_proj",
    "source_attention.output": "encoder_attn.out_proj",
    "widening.widen": "fc1",
    "widening.narrow": "fc2",
}
STACK = {"final": "layer_norm", "entrance": "layernorm_embedding"}  # of a stack, likewise


@dataclass(frozen=True, slots=True)
class Kind:
    """What sets a member of the family apart."""

    pre_norm: bool
    positions: str
    embedding_norm: bool


KINDS = {
    "marian": Kind(pre_norm=False, positions="sinusoidal", embedding_norm=False),
    "bart": Kind(pre_norm=False, positions="learned", embedding_norm=True),
    "mbart": Kind(pre_norm=True, positions="learned", embedding_norm=True),
    "m2m_100": Kind(pre_norm=True, positions="sinusoidal-t2t", embedding_norm=False),
}

NEVER = ("normalize_before", "normalize_embedding", "add_final_layer_norm")
"""Switches of older configs: in Marian off, in the others as their kind has it anyway."""


def their_name(ours: str) -> str:
    """Return their name for a tensor of a stack of ours."""
    stack, part, *rest = ours.split(".")
    if part != "layers":
        return f"model.{stack}.{STACK[part]}.{'.'.join(rest)}"
    number, *place, kind = rest
    return f"model.{stack}.layers.{number}.{PARTS['.'.join(place)]}.{kind}"


def model_config(folder: HubFolder) -> TransformerConfig:
    """Return the config of ours that is their model.

    Raises UnsupportedError, naming it, for what regard has no part for; CheckpointError for a damaged config.
    """
    where, kind = str(folder.path / "config.json"), KINDS[folder.config["model_type"]]
    for name in NEVER:
        if folder.config["model_type"] == "marian" and folder.config.get(name):
            raise UnsupportedError(f"{name} is on", where=where, hint="only models of the 2017 layout are read")
    sizes = {}
    for ours, theirs in (("heads", "attention_heads"), ("d_ff", "ffn_dim")):
        encoder, decoder = (folder.setting(f"{stack}_{theirs}", int) for stack in ("encoder", "decoder"))
        if encoder != decoder:
            problem = f"encoder_{theirs} {encoder} and decoder_{theirs} {decoder} differ"
            raise UnsupportedError(problem, where=where, hint="regard has one size for both")
        sizes[ours] = encoder
    activation = folder.setting("activation_function", str, default="gelu")
    if activation not in ACTIVATIONS:
        hint = f"regard has {', '.join(ACTIVATIONS)}"
        raise UnsupportedError(f"activation_function {activation!r} has no counterpart", where=where, hint=hint)
    return TransformerConfig(
        encoder_layers=folder.setting("encoder_layers", int),
        decoder_layers=folder.setting("decoder_layers", int),
        d_model=folder.setting("d_model", int),
        **sizes,
        dropout=folder.setting("dropout", float, default=0.1),
        attention_dropout=folder.setting("attention_dropout", float, default=0.0),
        inner_dropout=folder.setting("activation_dropout", float, default=0.0),
        embeddings=embeddings(folder),
        embedding_norm=kind.embedding_norm,
        positions=positions(folder, kind),
        residual=PreNormConfig() if kind.pre_norm else PostNormConfig(),
        norm=LayerNormConfig(),
        feed_forward=ACTIVATIONS[activation],
    )


def embeddings(folder: HubFolder) -> EmbeddingsConfig:
    """Return which of source, target and output share a matrix."""
    scaled = folder.setting("scale_embedding", bool, default=False)
    tied = folder.setting("tie_word_embeddings", bool, default=True)
    shared = folder.setting("share_encoder_decoder_embeddings", bool, default=True)
    if tied:
        return ThreeWayConfig(scaled=scaled) if shared else TwoWayConfig(scaled=scaled)
    return SeparateConfig(scaled=scaled)


def positions(folder: HubFolder, kind: Kind) -> PositionsConfig:
    """Return how the model knows where a token stands."""
    if kind.positions == "learned":
        return LearnedConfig(longest=folder.setting("max_position_embeddings", int))
    if kind.positions == "sinusoidal-t2t":
        return T2TSinusoidalConfig(first=folder.setting("pad_token_id", int, default=1) + 1)
    return SinusoidalConfig()


def model_weights(folder: HubFolder, config: TransformerConfig, rows: Rows) -> "dict[str, Tensor]":
    """Return their weights under our names, in our order of features and with our order of tokens.

    Raises CheckpointError if a tensor is missing, UnsupportedError if there is one too many.
    """
    import torch

    from regard.interop.huggingface.weights import Taken, reordered, rows_of, taking_turns
    from regard.models.base import build_model

    theirs, where = Taken(folder.tensors(), str(folder.path)), str(folder.path)
    learned = isinstance(config.positions, LearnedConfig)
    with torch.device("meta"):
        small = build_model(config, 4, 4)
    names = [name for name in small.state_dict() if not name.startswith("embeddings.")]
    weights = {name: theirs.one(their_name(name)) for name in names if ".positions." not in name}
    for stack in ("encoder", "decoder"):
        table = f"model.{stack}.embed_positions.weight"
        if learned:
            weights[f"{stack}.positions.table"] = theirs.one(table)[FIRST_LEARNED:]
        else:
            theirs.ignore([table, f"model.{stack}.embed_positions.weights"])
    for ours, matrix in embedding_tables(theirs, config.embeddings.kind).items():
        numbers = rows.source if ours == "source_table" else rows.target
        weights[f"embeddings.{ours}"] = rows_of(matrix, numbers, where)
    weights["embeddings.output_bias"] = _output_bias(theirs, rows, where)
    theirs.nothing_left()
    order = torch.arange(config.d_model) if learned else taking_turns(config.d_model)
    return {name: reordered(name, tensor, order) for name, tensor in weights.items()}


def embedding_tables(theirs: "Taken", kind: str) -> "dict[str, Tensor]":
    """Take the matrices of embeddings, some of which may stand there more than once, under our names.

    A matrix of one side alone goes before the one that both may share.
    """
    shared, head = "model.shared.weight", "lm_head.weight"
    encoder, decoder = "model.encoder.embed_tokens.weight", "model.decoder.embed_tokens.weight"
    if kind == "three-way":
        return {"table": theirs.one(shared, encoder, decoder, head)}
    both = theirs.one(shared) if theirs.has(shared) else None
    source = theirs.one(encoder) if both is None or theirs.has(encoder) else both
    if kind == "two-way":
        return {"source_table": source, "target_table": theirs.one(decoder, head)}
    target = theirs.one(decoder) if both is None or theirs.has(decoder) else both
    return {"source_table": source, "target_table": target, "output_table": theirs.one(head)}


def _output_bias(theirs: "Taken", rows: Rows, where: str) -> "Tensor":
    import torch

    from regard.interop.huggingface.weights import rows_of

    bias = torch.zeros(len(rows.target))
    if theirs.has("final_logits_bias"):
        bias = rows_of(theirs.one("final_logits_bias").flatten(), rows.target, where).clone()
    if rows.start_is_another:
        bias[BOS] = SILENT
    return bias


BART_FAMILY = Architecture(model_config, model_weights)
