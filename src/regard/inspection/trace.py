"""All attention of a model on one pair, seen in one teacher-forced pass.

The decoder cannot see the future, so these weights are those of the run that wrote the target step by step, whatever
search or engine wrote it.

Axes    B sentences (here 1) · T target positions · H heads · Q query positions · K key positions
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from regard.errors import DataError
from regard.inference.engine import Engine, Tokens
from regard.inference.translator import Translator
from regard.inspection.capture import capture_attention
from regard.inspection.heads import KINDS, Kind, layers_of
from regard.inspection.norms import value_norms
from regard.inspection.subject import Subject
from regard.layers.attention import Attention, AttentionCall

Measure = Literal["weight", "norm"]
"""What a head gave a token: its weight, or the length of what came of it, ‖weight · value · output projection‖."""


@dataclass(frozen=True, slots=True)
class AttentionTrace:
    """Attention of one pair by kind, layer and head, and the tokens that it lies between.

    In its row t the decoder has read `target_in` up to t and is about to write `target_out[t]`.
    """

    source: tuple[str, ...]  # ends in EOS
    target_in: tuple[str, ...]  # begins with BOS
    target_out: tuple[str, ...]  # ends in EOS
    layers: Mapping[Kind, Sequence[Float[Tensor, "H Q K"]]]  # no layer of a kind that a model lacks
    measure: Measure = "weight"  # rows of weights sum to 1, those of norms to anything

    def __getitem__(self, place: tuple[int, Kind, int]) -> Float[Tensor, "Q K"]:
        """Return the weights of a layer, kind and head; layers and heads count from 0."""
        layer, kind, head = place
        return self.layers[kind][layer][head]


def trace_text(translator: Translator, text: str, measure: Measure = "weight") -> AttentionTrace:
    """Translate a text and trace what comes out; an over-long text is cut.

    Raises DataError if there is nothing to translate, UnsupportedError if there are several models.
    """
    source = source_tokens(translator, text)
    return trace_subject(
        Subject.behind(translator), source, translator.translate(text, over_long="cut").tokens, measure
    )


def source_tokens(translator: Translator, text: str) -> list[str]:
    """Return the tokens of a text as far as the model reads it.

    Raises DataError if there are none.
    """
    folder = translator.folder
    source = folder.sides.source.tokenizer.split(text)[: folder.settings.text.longest_source] if text.strip() else []
    if not source:
        raise DataError("there is nothing to look at", where="text", hint="give a text that is not blank")
    return source


def trace_pair(engine: Engine, source: Tokens, target: Tokens, measure: Measure = "weight") -> AttentionTrace:
    """Return the attention of a model that reads a source and writes a target, both without special tokens.

    Raises UnsupportedError unless the engine is a single model on torch.
    """
    return trace_subject(Subject.of(engine), source, target, measure)


def trace_subject(subject: Subject, source: Tokens, target: Tokens, measure: Measure = "weight") -> AttentionTrace:
    """Return what `trace_pair` does, of a model in one's hands."""
    model, sides = subject.model, subject.sides
    batch = subject.batch([(source, target)])
    with torch.inference_mode(), capture_attention(model) as calls:
        model(batch)
    layers: dict[Kind, list[Tensor]] = {kind: [] for kind in KINDS}
    for kind, attentions in layers_of(model).items():
        for name, attention in attentions:
            layers[kind].append(_measured(attention, calls.pop(name), measure)[0].cpu())
    return AttentionTrace(
        source=tuple(sides.source.vocabulary.tokens(batch.source.ids[0].tolist())),
        target_in=tuple(sides.target.vocabulary.tokens(batch.target_in.ids[0].tolist())),
        target_out=tuple(sides.target.vocabulary.tokens(batch.target_out[0].tolist())),
        layers=layers,
        measure=measure,
    )


def _measured(attention: Attention, calls: Sequence[AttentionCall], measure: Measure) -> Float[Tensor, "B H T K"]:
    weights_BHTK = joined_weights(calls)
    if measure == "weight":
        return weights_BHTK
    with torch.inference_mode():
        return weights_BHTK * value_norms(attention, calls[-1].v)[:, :, None]


def joined_weights(calls: Sequence[AttentionCall]) -> Float[Tensor, "B H T K"]:
    """Return the weights of successive calls over the same keys as those of one call."""
    return torch.cat([call.weights for call in calls], dim=2) if len(calls) > 1 else calls[0].weights
