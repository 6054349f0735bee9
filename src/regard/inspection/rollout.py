"""Attention through all layers: what a layer mixes was mixed before, so the mixtures are multiplied.

Every layer keeps a part of each vector as it is and takes the rest from elsewhere. What the encoder's last vectors are
made of is followed through its layers, then what the decoder's are made of: of source tokens by way of the encoder, and
of the tokens written before.

Axes    S source positions · T target positions · L layers · H heads · Q, K query and key positions
Source  Abnar & Zuidema 2020, section 3 (encoder); Ferrando et al. 2022b, section 3.2 (encoder and decoder)
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from regard.errors import UnsupportedError
from regard.inference.engine import Tokens
from regard.inspection.attribution import Attribution, PairWords
from regard.inspection.subject import Subject
from regard.inspection.trace import AttentionTrace, trace_subject


class Reading(NamedTuple):
    """What one layer's encoder-decoder attention mixes: of the source, and what it keeps; both sum to 1 in a row."""

    taken: Float[Tensor, "T S"]
    kept: Float[Tensor, " T"]


def through_layers(
    encoder: Sequence[Float[Tensor, "S S"]], decoder: Sequence[Float[Tensor, "T T"]], readings: Sequence[Reading]
) -> tuple[Float[Tensor, "T S"], Float[Tensor, "T T"]]:
    """Return what the decoder's last vectors are made of: source tokens, and target tokens read; rows sum to 1.

    Layers come first to last; in each, rows tell what a vector is a mixture of.
    """
    size = readings[0].taken.size(1)
    read_SS = torch.eye(size, dtype=readings[0].taken.dtype)
    for mixed_SS in encoder:
        read_SS = mixed_SS @ read_SS
    of_source_TS = torch.zeros_like(readings[0].taken)
    of_prefix_TT = torch.eye(len(readings[0].kept), dtype=read_SS.dtype)
    for mixed_TT, reading in zip(decoder, readings, strict=True):
        kept_T1 = reading.kept[:, None]
        of_source_TS = reading.taken @ read_SS + kept_T1 * (mixed_TT @ of_source_TS)
        of_prefix_TT = kept_T1 * (mixed_TT @ of_prefix_TT)
    return of_source_TS, of_prefix_TT


def rollout(subject: Subject, source: Tokens, target: Tokens, *, words: bool = True) -> Attribution:
    """Return the attention rollout of a pair: mean of heads, half of each vector kept in every layer.

    Raises UnsupportedError if the model has no self-attention.
    """
    of_source, of_prefix = rolled_out(trace_subject(subject, source, target))
    pair = PairWords.of(subject, source, target, words=words)
    return pair.shared_out("rollout", of_source.double().numpy(), of_prefix.double().numpy())


def rolled_out(trace: AttentionTrace) -> tuple[Float[Tensor, "T S"], Float[Tensor, "T T"]]:
    """Return the rollout of weights, between tokens."""
    if not trace.layers["encoder"] or not trace.layers["decoder"]:
        raise UnsupportedError("has no self-attention", where="model", hint="rollout is for Transformers")
    halves = {
        kind: [_half_kept(weights_HQK.mean(dim=0)) for weights_HQK in trace.layers[kind]]
        for kind in ("encoder", "decoder")
    }
    means = [weights_HTS.mean(dim=0) for weights_HTS in trace.layers["encoder-decoder"]]
    readings = [Reading(0.5 * mean_TS, torch.full((len(mean_TS),), 0.5)) for mean_TS in means]
    return through_layers(halves["encoder"], halves["decoder"], readings)


def _half_kept(weights: Float[Tensor, "Q Q"]) -> Float[Tensor, "Q Q"]:
    return 0.5 * (weights + torch.eye(len(weights)))
