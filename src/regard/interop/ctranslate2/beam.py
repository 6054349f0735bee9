"""Beam search by CTranslate2's rule, to compare its outputs with; a sentence at a time, on a model of ours.

Every step ranks twice as many candidates as there are beams. EOS among the first half ends a hypothesis, whose place
goes to the next best candidate of the second half; so there are always as many live hypotheses as beams. A sentence is
over when as many have ended as there are beams; without length normalisation when the best candidate of a step is EOS,
as soon as there are enough. At the length limit what lives is cut off, and ranks like what ended.

Axes    N beams · V vocabulary
"""

from collections.abc import Sequence
from typing import Any

import torch

from regard.data.batch import PaddedTokens
from regard.decoding.protocol import StepModel
from regard.decoding.types import BeamConfig, GnmtNormalisation
from regard.interop.ctranslate2.runtime import FoundIds
from regard.text.vocabulary import BOS, EOS, PAD, UNK


@torch.inference_mode()
def refilled_beam(model: StepModel[Any], source: Sequence[int], config: BeamConfig) -> list[FoundIds]:
    """Return the n_best best hypotheses, best first; of those that CTranslate2 would keep."""
    limit, beams = config.limit(len(source)), config.beams
    state = model.init_state(model.encode(PaddedTokens.sources([source])))
    paths, totals_N, tokens_N = [()], torch.zeros(1), torch.tensor([BOS])
    ended: list[tuple[tuple[int, ...], float]] = []
    plain = config.length.divisor(2) == config.length.divisor(1)
    enough = config.n_best if plain else beams
    for step in range(limit):
        logits_NV, state = model.step(tokens_N, state)
        logits_NV[:, [PAD, BOS, UNK]] = -torch.inf
        candidates_NV = totals_N[:, None] + logits_NV.log_softmax(dim=-1, dtype=torch.float32)
        values, places = candidates_NV.flatten().topk(min(2 * beams, candidates_NV.numel()))
        rows, tokens = (places // logits_NV.size(1)).tolist(), (places % logits_NV.size(1)).tolist()
        spare = iter([i for i in range(beams, len(tokens)) if tokens[i] != EOS])
        live = []
        for i in range(min(beams, len(tokens))):
            if tokens[i] == EOS or step == limit - 1:
                ended.append(((*paths[rows[i]], tokens[i]), values[i].item()))
                live += [kept] if (kept := next(spare, None)) is not None else []
            else:
                live.append(i)
        if len(ended) >= enough and (not plain or tokens[0] == EOS):
            break
        state = state.select(torch.tensor([rows[i] for i in live]))
        paths = [(*paths[rows[i]], tokens[i]) for i in live]
        totals_N, tokens_N = values[live], torch.tensor([tokens[i] for i in live])
    return _ranked(ended, config)


def _ranked(ended: list[tuple[tuple[int, ...], float]], config: BeamConfig) -> list[FoundIds]:
    divisor, kept = config.length.divisor, ended
    if isinstance(config.length, GnmtNormalisation):  # it keeps the likeliest, which are ranked by us
        kept = sorted(ended, key=lambda path: -path[1])[: config.beams]
    found = [
        FoundIds(ids[:-1] if ids[-1] == EOS else ids, log_prob, log_prob / divisor(len(ids)), ids[-1] == EOS)
        for ids, log_prob in kept
    ]
    best = sorted(found, key=lambda h: -h.score)
    if not isinstance(config.length, GnmtNormalisation):
        best = best[: config.n_best]
    return sorted(best, key=lambda h: (not h.ended, -h.score))[: config.n_best]
