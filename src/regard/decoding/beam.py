"""Beam search: go on with the best few hypotheses of every sentence.

Axes    B unfinished sentences · R rows (live hypotheses), sentence by sentence, best first · N beams · V vocabulary
        k best next tokens of a row · c best candidates (a row and its next token) of a sentence
Source  Wu et al. 2016, section 7; Vaswani et al. 2017, section 6.1

A sentence has N places. Each step ranks its candidates by log-probability, equal ones by the rank of their row and
then by token. Those among the best that are EOS have ended and keep their places, as many as are free; the best of the
others live on in the places that are left. So a beam of one is greedy search, and unlikely hypotheses that end early
take places from other unlikely ones, never from the likeliest. A live hypothesis is dropped once it can no longer beat
the n_best-th best ended one: log-probabilities only fall and divisors never do, so its score will at most be
log_prob / divisor(limit + 1). Nothing is lost, as all that it keeps out are worse. A sentence is over when

* no live hypothesis is left; or
* its limit is reached, or no token may come next: what lives is cut off there, and ranks after all that ended.
"""

import math
from dataclasses import dataclass, fields, replace
from itertools import count
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from regard.decoding.constraints import constraint_for, permitted
from regard.decoding.protocol import StepModel
from regard.decoding.search import Found, Sentences
from regard.decoding.top import top
from regard.decoding.trellis import Trellis
from regard.decoding.types import BeamConfig
from regard.text.vocabulary import BOS, EOS


@dataclass(frozen=True, slots=True)
class _Live:
    """The rows that go on: each one's sentence (among the unfinished), its rank there, its log-probability."""

    sentences: Int[Tensor, " R"]
    ranks: Int[Tensor, " R"]
    log_probs: Float[Tensor, " R"]


@dataclass(frozen=True, slots=True)
class _Unfinished:
    """What is known of the sentences that go on."""

    owners: Int[Tensor, " B"]  # places in the batch
    limits: Int[Tensor, " B"]  # tokens
    reach: Float[Tensor, " B"]  # the greatest divisor that a hypothesis can come to
    ended: Int[Tensor, " B"]  # hypotheses
    best: Float[Tensor, "B n"]  # scores of the n_best best ended ones, −∞ where there is none yet

    def add(self, scores: Float[Tensor, "B c"]) -> "_Unfinished":
        """Count in hypotheses that ended; −∞ is none."""
        best = torch.cat((self.best, scores), dim=1).topk(self.best.size(1)).values
        return replace(self, ended=self.ended + (scores > -math.inf).sum(1), best=best)

    def select(self, places: Int[Tensor, " A"]) -> "_Unfinished":
        """Keep the sentences at these places."""
        return _Unfinished(*(getattr(self, field.name)[places] for field in fields(self)))


@dataclass(frozen=True, slots=True)
class _Candidates:
    """The best candidates of each sentence, best first."""

    parents: Int[Tensor, "B c"]  # rows
    tokens: Int[Tensor, "B c"]
    token_log_probs: Float[Tensor, "B c"]
    log_probs: Float[Tensor, "B c"]  # with all before; −∞ where there are no more candidates


def beam(model: StepModel[Any], sentences: Sentences, config: BeamConfig) -> list[list[Found]]:
    """Return the n_best best hypotheses that a beam finds for each sentence, best first."""
    live, unfinished = _start(sentences, config)
    state = model.init_state(model.encode(sentences.source))
    constraint = constraint_for(config, sentences.prefixes, unfinished.owners.device)
    tokens_R, trellis = torch.full_like(unfinished.owners, BOS), Trellis()
    for step in count():
        logits_RV, state = model.step(tokens_R, state)
        candidates = _candidates(permitted(logits_RV, constraint), live, len(unfinished.owners), config.beams)
        possible_Bc, end_Bc = candidates.log_probs > -math.inf, candidates.tokens == EOS
        free_B1 = (config.beams - unfinished.ended)[:, None]
        ended_Bc = possible_Bc & end_Bc & (torch.arange(end_Bc.size(1), device=end_Bc.device) < free_B1)
        going_Bc = possible_Bc & ~end_Bc & (unfinished.limits > step)[:, None]
        _complete(trellis, live, unfinished, candidates, ended_Bc, going_Bc)
        scores_Bc = candidates.log_probs / config.length.divisor(step + 1)
        unfinished = unfinished.add(scores_Bc.masked_fill(~ended_Bc, -math.inf))
        keep_Bc = _hopeful(candidates, unfinished, going_Bc, config.beams)
        parents_R, tokens_R = candidates.parents[keep_Bc], candidates.tokens[keep_Bc]
        if not len(parents_R):
            break
        if not torch.equal(parents_R, torch.arange(len(live.ranks), device=parents_R.device)):
            state = state.select(parents_R)
        constraint = constraint.follow(parents_R, tokens_R)
        trellis.extend(parents_R, tokens_R, candidates.token_log_probs[keep_Bc])
        live, unfinished = _go_on(candidates, unfinished, keep_Bc)
    found = trellis.found(len(sentences), config.length.divisor)
    return [hypotheses[: config.n_best] for hypotheses in found]


def _start(sentences: Sentences, config: BeamConfig) -> tuple[_Live, _Unfinished]:
    """Return one row per sentence, all open and nothing ended."""
    limits = sentences.limits
    owners, zeros = torch.arange(len(limits), device=limits.device), torch.zeros_like(limits)
    divisors = [config.length.divisor(limit + 1) for limit in limits.tolist()]
    reach = torch.tensor(divisors, dtype=torch.float32, device=limits.device)
    best = reach.new_full((len(limits), config.n_best), -math.inf)
    return _Live(owners, zeros, zeros.float()), _Unfinished(owners, limits, reach, zeros, best)


def _candidates(log_probs: Float[Tensor, "R V"], live: _Live, sentences: int, beams: int) -> _Candidates:
    """Rank the best next tokens of all rows, sentence by sentence.

    N + 1 tokens of a row are enough for the N best candidates and the N best that are not EOS; 2N of a sentence are
    enough since each of its N rows has one EOS.
    """
    values_Rk, ids_Rk = top(log_probs, min(beams + 1, log_probs.size(1)))
    each = values_Rk.size(1)
    totals_BNk = values_Rk.new_full((sentences, beams, each), -math.inf)
    totals_BNk[live.sentences, live.ranks] = live.log_probs[:, None] + values_Rk
    rows_BN = live.ranks.new_zeros(sentences, beams)
    rows_BN[live.sentences, live.ranks] = torch.arange(len(live.ranks), device=live.ranks.device)
    totals_Bc, places_Bc = top(totals_BNk.flatten(1), min(2 * beams, beams * each))
    parents_Bc, columns_Bc = rows_BN.gather(1, places_Bc // each), places_Bc % each
    return _Candidates(parents_Bc, ids_Rk[parents_Bc, columns_Bc], values_Rk[parents_Bc, columns_Bc], totals_Bc)


def _complete(
    trellis: Trellis,
    live: _Live,
    unfinished: _Unfinished,
    candidates: _Candidates,
    ended: Bool[Tensor, "B c"],
    going: Bool[Tensor, "B c"],
) -> None:
    """Hand over what has ended, and cut off the other rows of sentences that cannot go on."""
    parents_E, sentences_E = candidates.parents[ended], ended.nonzero()[:, 0]
    trellis.complete(unfinished.owners[sentences_E], parents_E, candidates.token_log_probs[ended])
    cut_R = ~going.any(1)[live.sentences]
    cut_R[parents_E] = False
    trellis.complete(unfinished.owners[live.sentences[cut_R]], cut_R.nonzero()[:, 0], None)


def _hopeful(
    candidates: _Candidates, unfinished: _Unfinished, going: Bool[Tensor, "B c"], beams: int
) -> Bool[Tensor, "B c"]:
    """Pick the best of those that go on for the free places, less those that can no longer be among the n_best."""
    may_win_Bc = candidates.log_probs / unfinished.reach[:, None] > unfinished.best[:, -1:]
    hopeful_Bc = going & may_win_Bc
    return hopeful_Bc & (hopeful_Bc.cumsum(1) <= (beams - unfinished.ended)[:, None])


def _go_on(candidates: _Candidates, unfinished: _Unfinished, keep: Bool[Tensor, "B c"]) -> tuple[_Live, _Unfinished]:
    """Return the rows and the sentences that are left."""
    sentences_R, left_B = keep.nonzero()[:, 0], keep.any(1)
    ranks_R, log_probs_R = (keep.cumsum(1) - 1)[keep], candidates.log_probs[keep]
    if left_B.all():
        return _Live(sentences_R, ranks_R, log_probs_R), unfinished
    places_B = left_B.cumsum(0) - 1
    return _Live(places_B[sentences_R], ranks_R, log_probs_R), unfinished.select(left_B.nonzero()[:, 0])
