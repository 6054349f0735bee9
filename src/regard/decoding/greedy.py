"""Greedy search, and the walk it shares with sampling: one token per row and step, never taken back.

Axes    R walks that go on · V vocabulary
"""

import math
from collections.abc import Callable
from itertools import count
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from regard.decoding.constraints import constraint_for, permitted
from regard.decoding.protocol import StepModel
from regard.decoding.search import Found, Sentences
from regard.decoding.top import top
from regard.decoding.trellis import Trellis
from regard.decoding.types import DecodingConfig, GreedyConfig, NoNormalisation
from regard.text.vocabulary import BOS, EOS

Choice = Callable[[Tensor, Tensor, int], Tensor]
"""Sees log-probabilities (R V), which walks these are (R) and the step from 0; returns a token for each (R)."""


def greedy(model: StepModel[Any], sentences: Sentences, config: GreedyConfig) -> list[list[Found]]:
    """Take the likeliest token at every step; of equal ones the lowest id."""
    return walk(model, sentences, config, _likeliest)


def _likeliest(log_probs: Float[Tensor, "R V"], walks: Int[Tensor, " R"], step: int) -> Int[Tensor, " R"]:
    return top(log_probs, 1)[1][:, 0]


def walk(
    model: StepModel[Any], sentences: Sentences, config: DecodingConfig, choose: Choice, each: int = 1
) -> list[list[Found]]:
    """Walk `each` times from every sentence's start to EOS or its limit; walk w is for sentence w // each.

    Walks that are over leave the batch. A walk that may not go on with any token is cut off where it stands.
    """
    sentences_R = torch.arange(len(sentences), device=sentences.limits.device).repeat_interleave(each)
    limits, walks_R = sentences.limits[sentences_R], torch.arange(len(sentences_R), device=sentences_R.device)
    state = model.init_state(model.encode(sentences.source))
    if each > 1:
        state = state.select(sentences_R)
    constraint = constraint_for(config, [p for p in sentences.prefixes for _ in range(each)], limits.device)
    tokens_R, trellis = torch.full_like(walks_R, BOS), Trellis()
    for step in count():
        logits_RV, state = model.step(tokens_R, state)
        log_probs_RV = permitted(logits_RV, constraint)
        tokens_R = choose(log_probs_RV, walks_R, step)
        chosen_R = log_probs_RV.gather(1, tokens_R[:, None])[:, 0]
        possible_R = chosen_R > -math.inf
        ended_R = possible_R & (tokens_R == EOS)
        live_R = possible_R & ~ended_R & (limits[walks_R] > step)
        cut_R = ~(ended_R | live_R)
        trellis.complete(walks_R[ended_R], ended_R.nonzero()[:, 0], chosen_R[ended_R])
        trellis.complete(walks_R[cut_R], cut_R.nonzero()[:, 0], None)
        rows_R = live_R.nonzero()[:, 0]
        if not len(rows_R):
            break
        if len(rows_R) < len(live_R):
            state = state.select(rows_R)
        walks_R, tokens_R = walks_R[rows_R], tokens_R[rows_R]
        constraint = constraint.follow(rows_R, tokens_R)
        trellis.extend(rows_R, tokens_R, chosen_R[rows_R])
    found = trellis.found(len(limits), NoNormalisation().divisor)
    return [[found[walk][0] for walk in range(first, first + each)] for first in range(0, len(limits), each)]
