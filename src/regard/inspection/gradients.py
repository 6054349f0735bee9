"""Gradient times input: by the slope, how much of each output word's log-probability an embedding speaks for.

Axes    B rows, one for each target position · S source positions · T target positions · M model size
Source  Denil et al. 2014; on embeddings as in Sundararajan et al. 2017, with the zero vector as what there is without
"""

import torch
from jaxtyping import Float
from torch import Tensor

from regard.inference.engine import Tokens
from regard.inspection.attribution import Attribution, PairWords
from regard.inspection.blanking import entering
from regard.inspection.subject import LOOK_TOKENS, Subject, log_probs


def gradient_times_input(subject: Subject, source: Tokens, target: Tokens, *, words: bool = True) -> Attribution:
    """Return gradient times input of every output word's log-probability, in nats, by source and written words."""
    pair = PairWords.of(subject, source, target, words=words)
    size = max(1, LOOK_TOKENS // (max(len(source), len(target)) + 1))
    places = range(len(target) + 1)
    slopes = [_slopes(subject, source, target, places[i : i + size]) for i in places[::size]]
    of_source, of_prefix = (torch.cat(sides).double().cpu().numpy() for sides in zip(*slopes, strict=True))
    return pair.added_up("gradient", pair.source.sums(of_source), pair.prefix.sums(of_prefix))


def _slopes(
    subject: Subject, source: Tokens, target: Tokens, places: range
) -> tuple[Float[Tensor, "B S"], Float[Tensor, "B T"]]:
    """Return gradient times input of the log-probability at each of the places."""
    leaves: list[Tensor] = []

    def leaf(embedded: Float[Tensor, "B T M"]) -> Float[Tensor, "B T M"]:
        leaves.append(embedded.detach().clone().requires_grad_())
        return leaves[-1]

    with torch.inference_mode(mode=False), torch.enable_grad(), entering(subject.model, leaf, leaf):
        batch = subject.batch([(source, target)]).repeated(len(places))
        found_BT = log_probs(subject.model(batch), batch)
        chosen = found_BT[range(len(places)), places].sum()
        of_source, of_target = torch.autograd.grad(chosen, leaves)
    return (of_source * leaves[0].detach()).sum(dim=-1), (of_target * leaves[1].detach()).sum(dim=-1)
