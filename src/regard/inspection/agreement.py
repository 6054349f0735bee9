"""Whether the methods agree: how well each ranks the source words as leaving them blank does.

For every output word the source words are ranked by what a method gives them and by what the output word loses without
them, signs left out; the Spearman correlations are averaged. A low one is not a method's error: the methods measure
different things, and none is a judge of the others (Neely et al. 2022). Words of fewer than three source words have no
ranking worth the name and do not count.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from regard.errors import UnsupportedError
from regard.inference.engine import Tokens
from regard.inspection.attribution import PairWords
from regard.inspection.contributions import contributions
from regard.inspection.gradients import gradient_times_input
from regard.inspection.heads import Head
from regard.inspection.occlusion import occlusion
from regard.inspection.rollout import rollout
from regard.inspection.subject import Subject
from regard.inspection.trace import trace_subject
from regard.metrics.correlation import spearman
from regard.metrics.significance import ratio_interval

LEAST_WORDS = 3
"""Source words that a ranking needs."""

WHAT_IT_IS_NOT = "This is how alike the rankings are, not which method is right."
"""The sentence that stands beside every table of agreement."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How a method agrees with occlusion over a sample."""

    method: str
    correlation: float  # Spearman's, mean over sentences
    interval: tuple[float, float]  # of the mean, 95 %, by bootstrap over sentences
    sentences: int


def agreement(subject: Subject, source: Tokens, target: Tokens, head: Head | None = None) -> dict[str, float]:
    """Return how each method that the model allows agrees with occlusion on one pair; NaN where nothing can be ranked.

    Weights and norms are means of all encoder-decoder heads, and besides of the one `head`, if it is given.
    """
    columns = PairWords.of(subject, source, target).source.plain
    lost = np.abs(occlusion(subject, source, target).of_source[:, columns])
    return {
        name: mean_correlation(np.abs(values[:, columns]), lost)
        for name, values in _methods(subject, source, target, head)
    }


def agreement_over(
    subject: Subject, pairs: Sequence[tuple[Tokens, Tokens]], head: Head | None = None
) -> list[Agreement]:
    """Return how each method agrees with occlusion on average over pairs."""
    found: dict[str, list[float]] = {}
    for source, target in pairs:
        for name, value in agreement(subject, source, target, head).items():
            if not math.isnan(value):
                found.setdefault(name, []).append(value)
    return [
        Agreement(name, float(np.mean(values)), ratio_interval(np.array(values), np.ones(len(values))), len(values))
        for name, values in found.items()
    ]


def mean_correlation(first: Float[np.ndarray, "target source"], second: Float[np.ndarray, "target source"]) -> float:
    """Return the mean of the rows' Spearman correlations; NaN if no row has one."""
    if first.shape[1] < LEAST_WORDS:
        return math.nan
    rows = [spearman(*row) for row in zip(first, second, strict=True)]
    known = [value for value in rows if not math.isnan(value)]
    return float(np.mean(known)) if known else math.nan


def _methods(
    subject: Subject, source: Tokens, target: Tokens, head: Head | None
) -> Iterator[tuple[str, Float[np.ndarray, "target source"]]]:
    pair = PairWords.of(subject, source, target)
    for measure, name in (("weight", "weights"), ("norm", "norms")):
        trace = trace_subject(subject, source, target, "weight" if measure == "weight" else "norm")
        layers = trace.layers["encoder-decoder"]
        if layers:
            mean_TS = torch.stack([layer_HTS.mean(dim=0) for layer_HTS in layers]).mean(dim=0)
            yield f"{name}, mean of all heads", pair.target.means(pair.source.sums(mean_TS.double().numpy()))
        if head is not None:
            yield f"{name}, {head}", pair.target.means(pair.source.sums(trace[head].double().numpy()))
    for method in (rollout, contributions, gradient_times_input):
        try:
            found = method(subject, source, target)
        except UnsupportedError:  # not for this family
            continue
        yield found.method, found.of_source
