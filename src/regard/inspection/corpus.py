"""What every head does over many pairs: how spread out, how far off, on what, and whether it matters.

Axes    B sentences · H heads · Q query positions · K key positions · N heads of the whole model
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from regard.data.batch import Batch
from regard.inference.engine import Tokens
from regard.inspection.capture import capture_attention
from regard.inspection.heads import Head, Kind, heads_of, layers_of
from regard.inspection.knockout import KnockOut, silenced
from regard.inspection.measures import entropy
from regard.inspection.subject import LOOK_TOKENS, Subject, log_probs
from regard.inspection.trace import joined_weights
from regard.metrics.significance import ratio_interval

FARTHEST = 20
"""Offsets between query and key that are told apart, to either side."""

IMPORTANCE_PAIRS = 200
"""Pairs by which the importance of heads is measured, at most: every head takes a pass over them."""

WHAT_IT_IS_NOT = "A role is what a head mostly looks at on these pairs, not what it is for."
"""The sentence that stands beside every table of heads."""


@dataclass(slots=True)
class _Sums:
    """What is summed over the queries of one layer."""

    queries: int
    rankable: int  # queries of sentences that have a rarest token
    entropy: Float[Tensor, " H"]
    special: Float[Tensor, " H"]
    rarest: Float[Tensor, " H"]  # queries whose largest weight on a plain token is on the rarest
    offset: Float[Tensor, "H offsets"]
    having: Float[Tensor, " offsets"]  # queries that have a key there

    def add(self, other: "_Sums") -> None:
        """Add what another batch says."""
        for name in ("queries", "rankable", "entropy", "special", "rarest", "offset", "having"):
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass(frozen=True, slots=True)
class HeadReport:
    """One head over many pairs."""

    head: Head
    entropy: float  # nats, mean over queries
    special: float  # share of the weight that lies on BOS or EOS
    rarest: float  # share of queries that look most at the rarest token of the sentence, special ones left out
    offsets: dict[int, float] = field(default_factory=dict)  # mean weight of the key so far behind the query
    importance: float = 0.0  # by how much the loss rises when it is silenced, nats per target token
    importance_interval: tuple[float, float] = (0.0, 0.0)  # 95 %, by bootstrap over pairs


def head_reports(subject: Subject, pairs: Sequence[tuple[Tokens, Tokens]]) -> list[HeadReport]:
    """Return what each head of a model does on pairs, read with their targets given.

    Importance is measured on the first IMPORTANCE_PAIRS of them.
    """
    sums: dict[tuple[Kind, int], _Sums] = {}
    frequencies = tuple(Counter(token for pair in pairs for token in pair[side]) for side in (0, 1))
    for rows, batch in subject.batches(pairs):
        rare = [_rarest([pairs[i][side] for i in rows], frequencies[side], first=side) for side in (0, 1)]
        with torch.inference_mode(), capture_attention(subject.model) as calls:
            subject.model(batch)
        for kind, attentions in layers_of(subject.model).items():
            for layer, (name, _) in enumerate(attentions):
                found = _sums(joined_weights(calls.pop(name)), kind, batch, rare[1 if kind == "decoder" else 0])
                if (kind, layer) in sums:
                    sums[kind, layer].add(found)
                else:
                    sums[kind, layer] = found
    raised = importance(subject, pairs[:IMPORTANCE_PAIRS])
    return [_report(head, sums[head.kind, head.layer], *raised[head]) for head in heads_of(subject.model)]


def _rarest(texts: Sequence[Tokens], frequency: Counter[str], *, first: int) -> list[int]:
    """Return the place of each text's rarest token, `first` tokens standing before it; -1 if there is no single one."""
    places = []
    for text in texts:
        counts = [frequency[token] for token in text]
        least = min(counts, default=0)
        places.append(counts.index(least) + first if counts.count(least) == 1 and len(counts) > 1 else -1)
    return places


@torch.inference_mode()
def _sums(weights: Float[Tensor, "B H Q K"], kind: Kind, batch: Batch, rarest: list[int]) -> _Sums:
    """Return what a batch says of the heads of one layer."""
    weights = weights.cpu()
    queries = (batch.source if kind == "encoder" else batch.target_in).mask[:, 0, 0].cpu()
    keys = (batch.target_in if kind == "decoder" else batch.source).mask[:, 0, 0].cpu()
    real_BQ = queries.to(weights.dtype)
    special_BK = torch.zeros_like(keys)
    special_BK[torch.arange(len(keys)), 0 if kind == "decoder" else keys.sum(dim=1) - 1] = True
    places_B = torch.tensor(rarest)
    ranked_BQ = real_BQ * (places_B >= 0)[:, None] * _sees(places_B, queries, kind)
    best_BHQ = weights.masked_fill(special_BK[:, None, None], -1.0).argmax(dim=-1)
    right_BHQ = (best_BHQ == places_B[:, None, None]).to(weights.dtype)
    both_BQK = real_BQ[:, :, None] * keys.to(weights.dtype)[:, None]
    offsets = range(-FARTHEST, FARTHEST + 1)
    of_offsets = [torch.diagonal(weights * both_BQK[:, None], offset, 2, 3).sum(dim=(0, 2)) for offset in offsets]
    return _Sums(
        queries=int(queries.sum()),
        rankable=int(ranked_BQ.sum()),
        entropy=torch.einsum("bhq,bq->h", entropy(weights), real_BQ),
        special=torch.einsum("bhqk,bq,bk->h", weights, real_BQ, special_BK.to(weights.dtype)),
        rarest=torch.einsum("bhq,bq->h", right_BHQ, ranked_BQ),
        offset=torch.stack(of_offsets, dim=1),
        having=torch.stack([torch.diagonal(both_BQK, offset, 1, 2).sum() for offset in offsets]),
    )


def _sees(places: Int[Tensor, " B"], queries: Bool[Tensor, "B Q"], kind: Kind) -> Tensor:
    """Return which queries may see a place: in the decoder, those from it on."""
    if kind != "decoder":
        return torch.ones_like(queries)
    return torch.arange(queries.size(1)) >= places[:, None]


def _report(head: Head, sums: _Sums, raised: float, interval: tuple[float, float]) -> HeadReport:
    kernel = sums.offset[head.head] / sums.having.clamp_min(1.0)
    return HeadReport(
        head=head,
        entropy=float(sums.entropy[head.head]) / sums.queries,
        special=float(sums.special[head.head]) / sums.queries,
        rarest=float(sums.rarest[head.head]) / max(sums.rankable, 1),
        offsets={i - FARTHEST: float(value) for i, value in enumerate(kernel) if sums.having[i] > 0},
        importance=raised,
        importance_interval=interval,
    )


@torch.inference_mode()
def importance(
    subject: Subject, pairs: Sequence[tuple[Tokens, Tokens]]
) -> dict[Head, tuple[float, tuple[float, float]]]:
    """Return by how much the loss rises when each head is silenced, in nats per target token, with its interval.

    The loss is that of the given targets; many heads are silenced in one batch, each in rows of its own.
    """
    heads = heads_of(subject.model)
    raised_NP, tokens_P = np.zeros((len(heads), len(pairs))), np.zeros(len(pairs))
    for rows, batch in subject.batches(pairs, tokens=LOOK_TOKENS // 4):
        real_BT = batch.target_in.mask[:, 0, 0]
        tokens_P[rows] = real_BT.sum(dim=1).cpu().numpy()
        before_B = (log_probs(subject.model(batch), batch) * real_BT).sum(dim=1)
        size = max(1, LOOK_TOKENS // batch.target_out.numel())
        for start in range(0, len(heads), size):
            part = heads[start : start + size]
            after_BN = _silenced_sums(subject, batch, part)
            raised_NP[start : start + size, rows] = (before_B[:, None] - after_BN).T.double().cpu().numpy()
    return {
        head: (float(raised.sum() / tokens_P.sum()), ratio_interval(raised, tokens_P))
        for head, raised in zip(heads, raised_NP, strict=True)
    }


def _silenced_sums(subject: Subject, batch: Batch, heads: Sequence[Head]) -> Float[Tensor, "B N"]:
    """Return the log-probability of each target with each of the heads silenced."""
    rows, many = len(batch.target_out), batch.repeated(len(heads))
    with silenced(subject.model, [KnockOut.of(head) for head in heads] * rows) as model:
        found = log_probs(model(many), many) * many.target_in.mask[:, 0, 0]
    return found.sum(dim=1).unflatten(0, (rows, len(heads)))
