"""All attention of a model on one pair, seen in one teacher-forced pass.

The decoder cannot see the future, so these weights are those of the run that wrote the target step by step, whatever
search or engine wrote it.

Axes    B sentences (here 1) · T target positions · H heads · Q query positions · K key positions
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor

from regard.data.batch import Batch
from regard.errors import DataError, UnsupportedError
from regard.inference.engine import Engine, Tokens
from regard.inference.torch_engine import TorchEngine
from regard.inference.translator import Translator
from regard.inspection.capture import capture_attention
from regard.layers.attention import Attention, AttentionCall, CausalSelfAttention, SelfAttention, observed

Kind = Literal["encoder", "decoder", "encoder-decoder"]
"""Who looks at whom: the source at itself, the target at itself, the target at the source."""

KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class AttentionTrace:
    """Attention weights of one pair by kind, layer and head, and the tokens that they lie between.

    In its row t the decoder has read `target_in` up to t and is about to write `target_out[t]`.
    """

    source: tuple[str, ...]  # ends in EOS
    target_in: tuple[str, ...]  # begins with BOS
    target_out: tuple[str, ...]  # ends in EOS
    layers: Mapping[Kind, Sequence[Float[Tensor, "H Q K"]]]  # rows sum to 1; no layer of a kind that a model lacks

    def __getitem__(self, place: tuple[int, Kind, int]) -> Float[Tensor, "Q K"]:
        """Return the weights of a layer, kind and head; layers and heads count from 0."""
        layer, kind, head = place
        return self.layers[kind][layer][head]


def trace_text(translator: Translator, text: str) -> AttentionTrace:
    """Translate a text and trace what comes out; an over-long text is cut.

    Raises DataError if there is nothing to translate, UnsupportedError as `trace_pair` does.
    """
    folder = translator.folder
    source = folder.sides.source.tokenizer.split(text)[: folder.settings.text.longest_source] if text.strip() else []
    if not source:
        raise DataError("there is nothing to look at", where="text", hint="give a text that is not blank")
    return trace_pair(torch_engine(translator), source, translator.translate(text, over_long="cut").tokens)


def torch_engine(translator: Translator) -> Engine:
    """Return the translator's engine if it can be looked into, else one that runs the same model on torch."""
    return translator.engine if isinstance(translator.engine, TorchEngine) else TorchEngine.load([translator.folder])


def trace_pair(engine: Engine, source: Tokens, target: Tokens) -> AttentionTrace:
    """Return the attention of a model that reads a source and writes a target, both without special tokens.

    Raises UnsupportedError unless the engine is a single model on torch.
    """
    if not isinstance(engine, TorchEngine) or len(engine.models) > 1:
        problem = "only a single model on torch can be looked into"
        raise UnsupportedError(problem, where=f"engine {engine.name!r}", hint="load one run with engine 'torch'")
    (model,), sides = engine.models, engine.sides
    batch = Batch.of([sides.source.vocabulary.ids(source)], [sides.target.vocabulary.ids(target)])
    with torch.inference_mode(), capture_attention(model) as calls:
        model(batch.to(engine.device))
    layers: dict[Kind, list[Tensor]] = {kind: [] for kind in KINDS}
    for name, attention in observed(model).items():
        layers[kind_of(attention)].append(joined_weights(calls[name])[0].cpu())
    return AttentionTrace(
        source=tuple(sides.source.vocabulary.tokens(batch.source.ids[0].tolist())),
        target_in=tuple(sides.target.vocabulary.tokens(batch.target_in.ids[0].tolist())),
        target_out=tuple(sides.target.vocabulary.tokens(batch.target_out[0].tolist())),
        layers=layers,
    )


def kind_of(attention: Attention) -> Kind:
    """Return who looks at whom; what is no self-attention looks from the target at the source."""
    if isinstance(attention, CausalSelfAttention):
        return "decoder"
    return "encoder" if isinstance(attention, SelfAttention) else "encoder-decoder"


def joined_weights(calls: Sequence[AttentionCall]) -> Float[Tensor, "B H T K"]:
    """Return the weights of successive calls over the same keys as those of one call."""
    return torch.cat([call.weights for call in calls], dim=2)
