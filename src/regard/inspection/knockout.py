"""Silence heads and see what changes: the test of whether a head matters, which its weights cannot tell.

Every row of a batch can have other heads silenced, so that hundreds of knock-outs run as one batch. Search sees a
model like any other, whose state knows which row is which.

Axes    B sentences · R rows (hypotheses) · T target positions · H heads · Q query positions · K key positions ·
        D head size · V vocabulary
Source  Michel et al. 2019, section 3; means in place of zeros after Wang et al. 2023
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from regard.data.batch import Batch, PaddedTokens
from regard.errors import UsageError
from regard.inspection.heads import Head, Kind, heads_of, layers_of
from regard.inspection.subject import Subject
from regard.layers.attention import AttentionCall, AttentionObserver
from regard.models.base import Seq2SeqModel

Way = Literal["zero", "mean", "uniform"]
"""What becomes of a head: it finds nothing, or always its mean, or it looks at all keys alike."""

WAYS: tuple[Way, ...] = get_args(Way)


@dataclass(frozen=True, slots=True)
class KnockOut:
    """A set of heads to silence together; none at all leaves the model as it is."""

    heads: frozenset[Head]
    way: Way = "zero"

    @classmethod
    def of(cls, *heads: Head, way: Way = "zero") -> "KnockOut":
        """Silence these heads."""
        return cls(frozenset(heads), way)

    def __str__(self) -> str:
        return " + ".join(map(str, sorted(self.heads))) or "nothing"


Means = Mapping[tuple[Kind, int], Float[Tensor, "H D"]]
"""The mean context of every head, by kind and layer."""


class Silencer(AttentionObserver):
    """Silences heads of one attention, in each row those of the row's knock-out."""

    def __init__(self, silent: Mapping[Way, Bool[Tensor, "N H"]], mean: Tensor | None, *, causal: bool) -> None:
        self.silent, self.mean, self.causal = silent, mean, causal  # N knock-outs
        self.rows: Int[Tensor, " B"] | None = None  # which knock-out each row has; None: in order

    def weights(self, call: AttentionCall) -> Float[Tensor, "B H Q K"]:
        if "uniform" not in self.silent:
            return call.weights
        return torch.where(self._chosen("uniform"), even_weights(call, causal=self.causal), call.weights)

    def context(self, context: Float[Tensor, "B H Q D"]) -> Float[Tensor, "B H Q D"]:
        if "zero" in self.silent:
            context = context.masked_fill(self._chosen("zero"), 0.0)
        if "mean" in self.silent and self.mean is not None:
            context = torch.where(self._chosen("mean"), self.mean[:, None].to(context.dtype), context)
        return context

    def _chosen(self, way: Way) -> Bool[Tensor, "B H 1 1"]:
        silent_NH = self.silent[way]
        return (silent_NH if self.rows is None else silent_NH[self.rows])[:, :, None, None]


def even_weights(call: AttentionCall, *, causal: bool) -> Float[Tensor, "B H Q K"]:
    """Return the same weight for every key that a query may see."""
    queries, keys = call.weights.shape[-2:]
    may_see = torch.ones_like(call.weights)
    if call.mask is not None:
        may_see = may_see * call.mask
    if causal:
        may_see = may_see.tril(keys - queries)
    return may_see / may_see.sum(dim=-1, keepdim=True)


@dataclass(frozen=True, slots=True)
class _State:
    """The memory or the state of the model, and which knock-out each row has."""

    inner: Any
    rows: Int[Tensor, " R"]

    def select(self, rows: Int[Tensor, " R"]) -> "_State":
        return _State(self.inner.select(rows), self.rows[rows])


class Silenced:
    """A model in whose rows heads are silenced: row i of what is read has the i-th knock-out.

    It can be decoded with like any model, and gives teacher-forced logits.
    """

    def __init__(self, model: Seq2SeqModel, silencers: Sequence[Silencer]) -> None:
        self.model, self._silencers = model, silencers

    def __call__(self, batch: Batch) -> Float[Tensor, "B T V"]:
        self._use(None)
        return self.model(batch)

    def encode(self, source: PaddedTokens) -> _State:
        """Read the sources."""
        self._use(None)
        return _State(self.model.encode(source), torch.arange(len(source.lengths), device=source.ids.device))

    def init_state(self, memory: _State) -> _State:
        """Return the state before the first token, a row per source."""
        return _State(self.model.init_state(memory.inner), memory.rows)

    def step(self, tokens: Int[Tensor, " R"], state: _State) -> tuple[Float[Tensor, "R V"], _State]:
        """Feed a token per row."""
        self._use(state.rows)
        logits, inner = self.model.step(tokens, state.inner)
        return logits, _State(inner, state.rows)

    def _use(self, rows: Tensor | None) -> None:
        for silencer in self._silencers:
            silencer.rows = rows


@contextmanager
def silenced(model: Seq2SeqModel, knockouts: Sequence[KnockOut], means: Means | None = None) -> Iterator[Silenced]:
    """Yield the model with heads silenced while the block lasts; another observer that is there waits meanwhile.

    Raises UsageError if the model has no such head, or if means are to be put in and there are none.
    """
    check_heads(model, (head for knockout in knockouts for head in knockout.heads))
    if means is None and any(knockout.way == "mean" and knockout.heads for knockout in knockouts):
        raise UsageError("has no means to put in", where="way", hint="measure them with mean_contexts")
    silencers, before = [], {}
    for kind, attentions in layers_of(model).items():
        for layer, (name, attention) in enumerate(attentions):
            silent = _silent(model, knockouts, kind, layer)
            if silent:
                mean = means[kind, layer] if means is not None else None
                silencers.append(Silencer(silent, mean, causal=kind == "decoder"))
                before[name] = attention, attention.observer
                attention.observer = silencers[-1]
    try:
        yield Silenced(model, silencers)
    finally:
        for attention, observer in before.values():
            attention.observer = observer


def check_heads(model: nn.Module, heads: Iterator[Head]) -> None:
    """Raise UsageError if a model lacks one of the heads."""
    known = heads_of(model)
    for head in heads:
        if head not in known:
            hint = f"it has {known[0]} to {known[-1]}" if known else "it has no attention"
            raise UsageError(f"the model has no {head}", where="head", hint=hint)


def _silent(model: nn.Module, knockouts: Sequence[KnockOut], kind: Kind, layer: int) -> dict[Way, Bool[Tensor, "N H"]]:
    """Return which heads of a layer are silent in each knock-out, by way; a way that none has is left out."""
    heads = sum(head[:2] == (layer, kind) for head in heads_of(model))
    device = next(model.parameters()).device
    silent: dict[Way, Tensor] = {}
    for number, knockout in enumerate(knockouts):
        for head in knockout.heads:
            if head[:2] == (layer, kind):
                table_NH = silent.setdefault(
                    knockout.way, torch.zeros(len(knockouts), heads, dtype=torch.bool, device=device)
                )
                table_NH[number, head.head] = True
    return silent


class _Summing(AttentionObserver):
    """Sums what each head finds, over all queries that are not padding."""

    def __init__(self) -> None:
        self.total: Tensor | float = 0.0
        self.count = 0
        self.real: Bool[Tensor, "B Q"] | None = None

    def context(self, context: Float[Tensor, "B H Q D"]) -> Float[Tensor, "B H Q D"]:
        assert self.real is not None
        real_BQ = self.real[:, self.count_steps(context) :][:, : context.size(2)]
        self.total = self.total + (context * real_BQ[:, None, :, None]).sum(dim=(0, 2))
        return context

    def count_steps(self, context: Float[Tensor, "B H Q D"]) -> int:
        """Return which query comes first in this call, and go on behind it."""
        first, self.count = self.count, self.count + context.size(2)
        return first


@torch.inference_mode()
def mean_contexts(subject: Subject, pairs: Sequence[tuple[Sequence[str], Sequence[str]]]) -> Means:
    """Return what each head finds on average over the places of pairs, read with their targets given."""
    totals: dict[tuple[Kind, int], Tensor] = {}
    places = {"source": 0, "target": 0}
    layers = layers_of(subject.model)
    for _, batch in subject.batches(pairs):
        real = {side: padded.mask[:, 0, 0] for side, padded in (("source", batch.source), ("target", batch.target_in))}
        watchers = {}
        for kind, attentions in layers.items():
            for layer, (_, attention) in enumerate(attentions):
                watchers[kind, layer] = attention.observer = _Summing()
                attention.observer.real = real["source" if kind == "encoder" else "target"]
        try:
            subject.model(batch)
        finally:
            for attentions in layers.values():
                for _, attention in attentions:
                    attention.observer = None
        for key, watcher in watchers.items():
            totals[key] = totals.get(key, 0.0) + torch.as_tensor(watcher.total)
        places = {side: places[side] + int(mask.sum()) for side, mask in real.items()}
    return {key: total / places["source" if key[0] == "encoder" else "target"] for key, total in totals.items()}
