"""What one page shows of one pair: plain values for its words and numbers, packed bytes for its maps.

Maps are kept between tokens; the page makes words of them by the same rule as `words.py`. A norm is a weight times the
length of a projected value, so that lengths alone are kept besides weights.

Axes    L layers · H heads · Q, K query and key positions · D head size
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from regard.decoding.types import DecodingConfig
from regard.errors import UnsupportedError
from regard.inference.engine import Tokens
from regard.inspection.agreement import agreement
from regard.inspection.alignment import Choice
from regard.inspection.attribution import METHODS, NOT, UNITS, Attribution, PairWords
from regard.inspection.capture import capture_attention
from regard.inspection.effects import effects_of, target_words
from regard.inspection.heads import Head, Kind, heads_of, layers_of
from regard.inspection.knockout import KnockOut, Means, Way
from regard.inspection.norms import value_norms
from regard.inspection.packing import coarse, deflated, in_steps, pooled, rest
from regard.inspection.subject import Subject, log_probs
from regard.inspection.trace import joined_weights
from regard.inspection.views import METHOD
from regard.inspection.words import Words
from regard.layers.attention import AttentionCall, MultiHeadAttention

LONG = 128
"""Tokens of a side above which nothing is measured that takes a pass for each word or head, and small maps are kept."""

SMALL = 64
"""Cells of a side of a small map at most."""

FINE_CELLS = 400_000
"""Weights that are kept to four digits at most; of more, a byte each."""

VECTOR_BYTES = 120_000
"""Bytes of queries and keys that are kept at most; what does not fit is left out, the last layers first."""

ROLE_OF_KIND: Mapping[Kind, tuple[str, str]] = {
    "encoder": ("source", "source"),
    "decoder": ("target", "prefix"),
    "encoder-decoder": ("target", "source"),
}
"""Whose words are rows and columns."""


NO_EFFECTS: Mapping[str, Any] = {"effects": [], "outputs": []}


@dataclass(frozen=True, slots=True)
class Gathered:
    """Plain values, and packed bytes by name."""

    values: dict[str, Any]
    bytes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Silencing:
    """Which ways to silence heads by, and how to search for what is written then."""

    ways: Sequence[Way]
    decoding: DecodingConfig
    means: Means | None = None


def gather(
    subject: Subject,
    source: Tokens,
    target: Tokens,
    *,
    name: str,
    silencing: Silencing | None = None,
    choice: Choice | None = None,
) -> Gathered:
    """Return all that a page shows of a pair; packed bytes are named `name/...`.

    Of a text above LONG tokens, maps and what rests on weights alone.
    """
    long = max(len(source), len(target)) > LONG
    pair, tokens = PairWords.of(subject, source, target), PairWords.of(subject, source, target, words=False)
    kinds = maps_of(subject, source, target, name)
    join = subject.sides.target.tokenizer.join
    values: dict[str, Any] = {
        "name": name,
        "output": join(target),
        "sides": sides_of(pair, tokens),
        "logprobs": rounded(_logprobs(subject, source, target)),
        "kinds": kinds.values,
        "methods": [_method(found) for found in _attributions(subject, source, target, long=long)],
        "agreement": None if long else _agreement(subject, source, target, choice),
        **(NO_EFFECTS if long or silencing is None else _effects(subject, source, target, silencing)),
        "long": long,
        "choice": None if choice is None else choice.to_json() | {"words": choice.words},
    }
    return Gathered(values, kinds.bytes)


def sides_of(pair: PairWords, tokens: PairWords) -> dict[str, Any]:
    """Return tokens and words of each side, and which words each token belongs to."""
    return {side: _side(getattr(pair, side), getattr(tokens, side)) for side in ("source", "prefix", "target")}


def _side(words: Words, tokens: Words) -> dict[str, Any]:
    of = [np.flatnonzero(row).tolist() for row in words.shares]
    return {"tokens": tokens.texts, "words": words.texts, "of": of, "special": words.special}


@torch.inference_mode()
def _logprobs(subject: Subject, source: Tokens, target: Tokens) -> np.ndarray:
    """Return the log-probability of each output word and of EOS, in nats."""
    batch = subject.batch([(source, target)])
    found_T = log_probs(subject.model(batch), batch)[0]
    return target_words(subject, target).sums(found_T.double().cpu().numpy())


def maps_of(subject: Subject, source: Tokens, target: Tokens, name: str) -> Gathered:
    """Return the weights of all heads by kind, and what makes norms and products of queries and keys of them."""
    with torch.inference_mode(), capture_attention(subject.model) as calls:
        subject.model(subject.batch([(source, target)]))
    found = Gathered({})
    seen = {
        kind: [(attention, calls[module]) for module, attention in attentions]
        for kind, attentions in layers_of(subject.model).items()
        if attentions
    }
    cells = sum(call[0].weights[0].numel() for layers in seen.values() for _, call in layers)
    left = VECTOR_BYTES
    for kind, layers in seen.items():
        weights_LHQK = np.stack([joined_weights(call)[0].double().cpu().numpy() for _, call in layers])
        with torch.inference_mode():
            norms_LHK = [value_norms(attention, call[-1].v)[0].double().cpu().numpy() for attention, call in layers]
        rows, columns = ROLE_OF_KIND[kind]
        place = f"{name}/{kind}"
        values = packed_maps(found.bytes, place, weights_LHQK, fine=cells <= FINE_CELLS)
        values |= {"kind": kind, "rows": rows, "columns": columns, "values": [rounded(one) for one in norms_LHK]}
        vectors, used = _vectors(found.bytes, place, layers, left)
        left -= used
        found.values[kind] = values | {"vectors": vectors}
    return found


def packed_maps(into: dict[str, str], place: str, weights: np.ndarray, *, fine: bool) -> dict[str, Any]:
    """Pack weights (L H Q K) into `into`; return their sizes and what was packed where."""
    values: dict[str, Any] = {"shape": list(weights.shape), "weights": f"{place}/weights", "rest": None, "small": None}
    as_bytes = coarse(weights)
    into[values["weights"]] = deflated(as_bytes)
    if fine:
        values["rest"] = f"{place}/rest"
        into[values["rest"]] = deflated(rest(weights))
    if max(weights.shape[-2:]) > LONG:
        small, side = pooled(as_bytes, SMALL)
        values["small"] = {"bytes": f"{place}/small", "side": side, "shape": list(small.shape)}
        into[f"{place}/small"] = deflated(small)
    return values


def _vectors(
    into: dict[str, str], place: str, layers: Sequence[tuple[Any, Sequence[AttentionCall]]], most: int
) -> tuple[list[dict[str, Any]], int]:
    """Pack queries and keys of the first layers, as far as they fit; return where they are, and the bytes used."""
    found: list[dict[str, Any]] = []
    used = 0
    for layer, (attention, calls) in enumerate(layers):
        call = calls[-1]
        size = call.q[0].numel() + call.k[0].numel()
        if not isinstance(attention, MultiHeadAttention) or len(calls) > 1 or used + size > most:
            break
        row: dict[str, Any] = {"d": call.q.size(-1)}
        for letter, vectors in (("q", call.q), ("k", call.k)):
            whole, steps = in_steps(vectors[0].double().cpu().numpy())
            row |= {letter: f"{place}/{letter}{layer}", f"{letter}_steps": steps}
            into[row[letter]] = deflated(whole)
        found.append(row)
        used += size
    return found, used


def _attributions(subject: Subject, source: Tokens, target: Tokens, *, long: bool) -> list[Attribution]:
    """Return what each method says that the model allows."""
    found = []
    for method in METHODS:
        if long and method in ("gradient", "occlusion"):
            continue
        try:
            found.append(METHOD[method](subject, source, target))
        except UnsupportedError:  # not for this family
            continue
    return found


def _method(found: Attribution) -> dict[str, Any]:
    return {
        "method": found.method,
        "source": rounded(found.of_source),
        "prefix": rounded(found.of_prefix),
        "share": rounded(found.source_share),
        "not": NOT[found.method],
        "unit": UNITS[found.method],
    }


def _agreement(subject: Subject, source: Tokens, target: Tokens, choice: Choice | None) -> list[dict[str, Any]]:
    found = agreement(subject, source, target, choice.reading.head if choice else None)
    return [
        {"method": method, "correlation": None if math.isnan(value) else round(value, 4)}
        for method, value in found.items()
    ]


def sets_of(subject: Subject) -> list[frozenset[Head]]:
    """Return the heads that a page silences together: each by itself, then each layer of each kind."""
    heads = heads_of(subject.model)
    alone = [frozenset([head]) for head in heads]
    layers = {head[:2]: frozenset(other for other in heads if other[:2] == head[:2]) for head in heads}
    return [*alone, *(layer for layer in layers.values() if len(layer) > 1)]


def _effects(subject: Subject, source: Tokens, target: Tokens, silencing: Silencing) -> dict[str, Any]:
    """Return what each knock-out changes, in thousandths of a nat, and which of all outputs is written then."""
    knockouts = [KnockOut(heads, way) for way in silencing.ways for heads in sets_of(subject)]
    found = effects_of(subject, source, target, knockouts, means=silencing.means, decoding=silencing.decoding)
    outputs = sorted({effect.output or "" for effect in found})
    effects = [
        {
            "heads": [str(head) for head in sorted(effect.knockout.heads)],
            "way": effect.knockout.way,
            "changes": [round(change * 1000) for change in effect.changes],
            "total": round(effect.total, 4),
            "output": outputs.index(effect.output or ""),
        }
        for effect in found
    ]
    return {"effects": effects, "outputs": outputs}


def rounded(values: np.ndarray) -> Any:
    """Return numbers to four places, as lists."""
    return np.where(np.isfinite(values), values, 0.0).round(4).tolist()
