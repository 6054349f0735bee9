"""A model folder as CTranslate2 loads it, with all that translating text needs beside it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from regard.data.batch import Batch, PaddedTokens
from regard.decoding.search import search
from regard.decoding.types import BeamConfig, GreedyConfig
from regard.errors import UnsupportedError
from regard.files import new_folder
from regard.interop.ctranslate2.beam import refilled_beam
from regard.interop.ctranslate2.runtime import Runtime, names, reach
from regard.interop.ctranslate2.spec import specification
from regard.model_folder import ModelFolder, write_description
from regard.text.vocabulary import BOS, EOS, UNK

NEAR_TIE = 1e-3
"""Nats between two outputs of which either may be called the likelier one; sums are taken in another order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What was written, and how it was compared."""

    folder: str
    sentences: int
    same_greedy: int
    same_beam: int
    near_ties: int  # outputs that differ and are as likely
    largest_difference: float  # of an output's log-probability, in nats


def export(folder: ModelFolder, destination: Path, samples: Sequence[str] = ()) -> Exported:
    """Write a folder that CTranslate2 loads, and our engine for it; without samples nothing is compared.

    Raises UnsupportedError if the model has what CTranslate2 lacks, or if outputs are not the same.
    """
    model, called = folder.load_model(), names(folder.sides)
    made = specification(model, reach(folder.settings), called)
    made.config.bos_token, made.config.eos_token, made.config.unk_token = (called[1][i] for i in (BOS, EOS, UNK))
    made.config.decoder_start_token = called[1][BOS]
    with new_folder(destination) as beside:
        made.validate()
        made.optimize()  # one copy of what is tied
        made.save(str(beside))
        write_description(beside, folder.settings, folder.sides)
        compared = _compare(folder, model, Runtime(beside, folder.sides, threads=1), samples)
    return replace(compared, folder=str(destination))


def _compare(folder: ModelFolder, model: Any, runtime: Runtime, samples: Sequence[str]) -> Exported:
    """Compare outputs for the samples with those of our model, each way to search by the same rule."""
    longest, limits = folder.settings.text.longest_source, folder.settings.decoding
    sources = [folder.sides.source.ids(text)[:longest] for text in samples if text.strip()]
    greedy = GreedyConfig(max_length=limits.max_length)
    beam = BeamConfig(max_length=limits.max_length)
    same, ties, largest = {"greedy": 0, "beam": 0}, 0, 0.0
    for source in sources:
        ours = {
            "greedy": search(model, PaddedTokens.sources([source]), greedy)[0][0].ids,
            "beam": refilled_beam(model, source, beam)[0].ids,
        }
        for kind, config in (("greedy", greedy), ("beam", beam)):
            theirs = runtime.search([source], config)[0][0].ids
            expected, got = _log_probs(model, source, [ours[kind], theirs])
            largest = max(largest, abs(sum(runtime.score([(source, theirs)])[0]) - got))
            if ours[kind] == theirs:
                same[kind] += 1
            elif abs(expected - got) < NEAR_TIE * max(1, len(theirs)):
                ties += 1
            else:
                problem = f"outputs by {kind} search are not those of the model, for {source}"
                raise UnsupportedError(problem, where="ctranslate2", hint="use another version of it")
    return Exported(
        folder="",
        sentences=len(sources),
        same_greedy=same["greedy"],
        same_beam=same["beam"],
        near_ties=ties,
        largest_difference=largest,
    )


@torch.inference_mode()
def _log_probs(model: Any, source: Sequence[int], targets: Sequence[Sequence[int]]) -> list[float]:
    """Return how likely our model finds the targets, with EOS, in nats."""
    batch = Batch.of([source] * len(targets), targets)
    each: Tensor = model(batch).log_softmax(dim=-1).gather(2, batch.target_out[:, :, None])[:, :, 0]
    return [row[: len(target) + 1].sum().item() for row, target in zip(each, targets, strict=True)]
