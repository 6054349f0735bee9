"""A Transformer's weights where CTranslate2 looks for them.

Everything is exact: what is given here computes the same numbers in float32, up to the order of sums.

Axes    T positions · M model size · H heads · D head size · N buckets of distances
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from regard.errors import UnsupportedError, import_extra
from regard.layers.positions import Positions
from regard.models.configs import ModelConfig, TransformerConfig

ACTIVATIONS = {"relu": "RELU", "gelu": "GELU", "silu": "SWISH", "swiglu": "SWISH", "geglu": "GELUTanh"}
"""Feed-forward layers that it has, and its names for what bends them."""

GATED = ("swiglu", "geglu")
"""Those with a third matrix."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """How it is told where a token stands: options of a stack, a table to add to embeddings, what attentions hold."""

    options: dict[str, Any] = field(default_factory=dict)
    table: Float[Tensor, "T M"] | None = None
    held: dict[str, Any] = field(default_factory=dict)


def refused(config: ModelConfig) -> Iterator[str]:
    """Yield what CTranslate2 cannot run, in words."""
    if not isinstance(config, TransformerConfig):
        yield f"the family {config.kind} (it runs transformers)"
        return
    if config.ngrams.kind != "none":
        yield f"n-gram vectors (model.ngrams={config.ngrams.kind})"
    if config.copying.kind != "none":
        yield f"copying from the source (model.copying={config.copying.kind})"
    for name, kinds in KNOWN.items():
        if (kind := getattr(config, name).kind) not in kinds:
            yield f"model.{name}={kind}"


def specification(model: Any, reach: int, names: tuple[list[str], list[str]]) -> Any:
    """Return its specification of a Transformer of ours, for texts of up to `reach` tokens.

    `names` are those of all source and target tokens, by id.
    Raises UnsupportedError, naming what it lacks, MissingExtraError.
    """
    if lacking := list(refused(model.config)):
        raise UnsupportedError(f"cannot have {', '.join(lacking)}", where="ctranslate2", hint="use engine 'torch'")
    specs = import_extra("ctranslate2.specs.transformer_spec", "ctranslate2")
    tables, stacks = model.embeddings.tables(), []
    makers = specs.TransformerEncoderSpec, specs.TransformerDecoderSpec
    for make, stack, table in zip(makers, (model.encoder, model.decoder), tables, strict=False):
        spec = _stack(make, model.config, stack, reach)
        embeddings = spec.embeddings[0] if stack is model.encoder else spec.embeddings
        embeddings.weight = _array(table)
        stacks.append(spec)
    for spec, layer in zip(stacks[0].layer, model.encoder.layers, strict=True):
        _fill_shared(spec, layer)
    for spec, layer in zip(stacks[1].layer, model.decoder.layers, strict=True):
        _fill_shared(spec, layer)
        theirs, ours = spec.attention, layer.source_attention
        for linear, modules in zip(theirs.linear, ((ours.query,), (ours.key, ours.value), (ours.output,)), strict=True):
            _fill_linear(linear, modules)
        _fill_norm(theirs.layer_norm, layer.around_source.norm)
    stacks[1].projection.weight = _array(tables[2])
    if (bias := model.embeddings.output_bias) is not None:
        stacks[1].projection.bias = _array(bias)
    whole = specs.TransformerSpec(*stacks)
    whole.config.layer_norm_epsilon = model.config.norm.epsilon
    whole.register_source_vocabulary(names[0])
    whole.register_target_vocabulary(names[1])
    return whole


def _stack(make: Any, config: TransformerConfig, stack: Any, reach: int) -> Any:
    """Make an encoder or a decoder with its positions and its closing norm."""
    common = import_extra("ctranslate2.specs.common_spec", "ctranslate2")
    kind, grouped = config.feed_forward.kind, (config.key_value_heads or config.heads) < config.heads
    places = PLACES[config.positions.kind](stack.positions, config, reach)
    spec = make(
        len(stack.layers),
        config.heads,
        pre_norm=config.residual.kind == "pre-norm",
        activation=common.Activation[ACTIVATIONS[kind]],
        ffn_glu=kind in GATED,
        layernorm_embedding=config.embedding_norm,
        rms_norm=config.norm.kind == "rms",
        num_heads_kv=config.key_value_heads if grouped else None,
        **places.options,
    )
    if places.table is not None:
        spec.position_encodings.encodings = _array(places.table)
    elif hasattr(spec, "position_encodings"):
        del spec.position_encodings  # an encoder with rotary positions would have both
    for layer in spec.layer:
        for name, value in places.held.items():
            setattr(layer.self_attention, name, value)
    spec.scale_embeddings = config.embeddings.scaled
    if config.residual.kind == "pre-norm":
        _fill_norm(spec.layer_norm, stack.final)
    if config.embedding_norm:
        _fill_norm(spec.layernorm_embedding, stack.entrance)
    return spec


def _fill_shared(spec: Any, layer: Any) -> None:
    """Fill what encoder and decoder layers both have: self-attention and the feed-forward layer."""
    ours = layer.self_attention
    _fill_linear(spec.self_attention.linear[0], (ours.query, ours.key, ours.value))
    _fill_linear(spec.self_attention.linear[1], (ours.output,))
    _fill_norm(spec.self_attention.layer_norm, layer.around_self.norm)
    gated = hasattr(spec.ffn, "linear_0_noact")
    _fill_linear(spec.ffn.linear_0, (layer.widening.gate if gated else layer.widening.widen,))
    if gated:
        _fill_linear(spec.ffn.linear_0_noact, (layer.widening.widen,))
    _fill_linear(spec.ffn.linear_1, (layer.widening.narrow,))
    _fill_norm(spec.ffn.layer_norm, layer.around_widening.norm)


def _fill_linear(spec: Any, modules: tuple[nn.Module, ...]) -> None:
    spec.weight = _array(torch.cat([module.weight for module in modules]))  # type: ignore[misc]
    if modules[0].bias is not None:
        spec.bias = _array(torch.cat([module.bias for module in modules]))  # type: ignore[misc]


def _fill_norm(spec: Any, norm: Any) -> None:
    spec.gamma = _array(norm.weight)
    if norm.bias is not None:
        spec.beta = _array(norm.bias)


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.detach().float().contiguous().numpy()


# Positions. Their functions see our positions, the config and the reach.


def _added(positions: Positions, config: TransformerConfig, reach: int) -> Places:
    return Places(table=positions.add(torch.zeros(1, reach, config.d_model))[0])  # of zeros, where nothing is added


def _rotary(positions: Any, config: TransformerConfig, reach: int) -> Places:
    return Places(options={"rotary_dim": 0, "rotary_interleave": True, "rotary_base": positions.base})


def _shaw(positions: Any, config: TransformerConfig, reach: int) -> Places:
    keys = _array(positions.table)
    held = {"relative_position_keys": keys, "relative_position_values": np.zeros_like(keys)}
    return Places(options={"relative_position": True}, held=held)


def _by_distance(positions: Positions, config: TransformerConfig, reach: int) -> Places:
    """Give every distance below `reach` a bucket of its own, as buckets of near distances are.

    An encoder's table has a half for keys before the query and one for those behind it; the second half of either is
    for what is further away, and holds what is added at the greatest distance.
    """
    queries = torch.zeros(1, config.heads, 1, config.d_head)
    behind = _array(positions.bias(queries, reach, reach - 1)[0, :, 0])[:, ::-1]  # type: ignore[index]
    sides = [behind] if positions.causal else [behind, _array(positions.bias(queries, reach)[0, :, 0])]  # type: ignore[index]
    table_HN = np.concatenate([np.pad(side, ((0, 0), (0, reach)), mode="edge") for side in sides], axis=1)
    farthest = np.dtype("int32").type(2 * reach)
    held = {
        "relative_attention_bias": np.ascontiguousarray(table_HN.T),
        "relative_attention_max_distance": farthest,
    }
    return Places(options={"relative_attention_bias": True}, held=held)


PLACES: dict[str, Callable[[Any, TransformerConfig, int], Places]] = {
    "none": _added,
    "sinusoidal": _added,
    "sinusoidal-t2t": _added,
    "learned": _added,
    "rotary": _rotary,
    "shaw": _shaw,
    "t5": _by_distance,
    "alibi": _by_distance,
}
"""Positions that it can be given."""

KNOWN = {
    "positions": tuple(PLACES),
    "feed_forward": tuple(ACTIVATIONS),
    "norm": ("layer", "rms"),
    "residual": ("pre-norm", "post-norm"),
}
"""Variants that it has, by setting."""
