"""Sampling: draw every token from the model's distribution, or from its likely part.

Axes    R walks that go on · V vocabulary · k likeliest tokens

The draw is a function of the seed, the sentence's key, the number of the sample, and the step: a sentence is given the
same sample in any batch and any order.
Source  Fan et al. 2018 (top k); Holtzman et al. 2020, section 3.1 (top p)
"""

from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from regard.decoding.greedy import walk
from regard.decoding.philox import uniforms
from regard.decoding.protocol import StepModel
from regard.decoding.search import Found, Sentences
from regard.decoding.top import top
from regard.decoding.types import SamplingConfig

_LIKELY = 64  # tokens: rows that need more of them to make up top_p are sorted whole, which takes far longer


def sampling(model: StepModel[Any], sentences: Sentences, config: SamplingConfig) -> list[list[Found]]:
    """Return n_best independent samples of each sentence, in the order of drawing.

    Log-probabilities and scores are the model's own, whatever the temperature.
    """
    device = sentences.limits.device
    names = torch.tensor([(key, sample) for key in sentences.keys for sample in range(config.n_best)])
    numbers = uniforms(config.seed, names, int(sentences.limits.max()) + 1).to(device)

    def draw(log_probs: Float[Tensor, "R V"], walks: Int[Tensor, " R"], step: int) -> Int[Tensor, " R"]:
        probs_RV = ((log_probs - log_probs.amax(-1, keepdim=True)) / config.temperature).softmax(dim=-1)
        probs_Rk, ids_Rk = likely_part(probs_RV, config.top_k, config.top_p)
        places_R1 = inverse(probs_Rk, numbers[walks, step])[:, None]
        return ids_Rk.gather(1, places_R1)[:, 0]

    return walk(model, sentences, config, draw, each=config.n_best)


def likely_part(
    probs: Float[Tensor, "R V"], top_k: int, top_p: float
) -> tuple[Float[Tensor, "R k"], Int[Tensor, "R k"]]:
    """Return the probabilities that may be drawn from, and their tokens; those cut away are 0.

    Of the top_k likeliest (0: of all) the fewest are left that have at least the part top_p of their mass.
    """
    rows, width = probs.shape
    if top_k == 0 and top_p == 1:
        return probs, torch.arange(width, device=probs.device).expand(rows, width)
    likely_Rk, ids_Rk = top(probs, min(top_k or _LIKELY, width))
    if top_p == 1:
        return likely_Rk, ids_Rk
    if not top_k and (short_R := likely_Rk.sum(-1) < top_p).any():
        missing = (0, width - likely_Rk.size(1))
        likely_Rk, ids_Rk = F.pad(likely_Rk, missing), F.pad(ids_Rk, missing)
        likely_Rk[short_R], ids_Rk[short_R] = probs[short_R].sort(dim=-1, descending=True, stable=True)
    enough = top_p * likely_Rk.sum(-1, keepdim=True) if top_k else top_p
    before_Rk = likely_Rk.cumsum(-1) - likely_Rk
    return likely_Rk.masked_fill(before_Rk >= enough, 0.0), ids_Rk


def inverse(probs: Float[Tensor, "R k"], uniform: Float[Tensor, " R"]) -> Int[Tensor, " R"]:
    """Return the place where the running sum of `probs` first exceeds the part `uniform` of its total.

    A place of probability 0 is never returned: `uniform` times the total is below the total.
    """
    sums_Rk = probs.cumsum(-1)
    places_R1 = torch.searchsorted(sums_Rk, uniform[:, None] * sums_Rk[:, -1:], right=True)
    return places_R1[:, 0].clamp(max=probs.size(1) - 1)
