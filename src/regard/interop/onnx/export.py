"""A model folder as two ONNX graphs, with all that translating text needs beside them."""

import logging
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from regard.data.batch import PaddedTokens
from regard.decoding.search import search
from regard.decoding.types import BeamConfig, DecodingConfig, GreedyConfig
from regard.errors import UnsupportedError, import_extra
from regard.files import new_folder
from regard.interop.onnx.graphs import SOURCE, STEP, SourceGraph, StepGraph, names, traceable
from regard.interop.onnx.runtime import OnnxModel
from regard.model_folder import ModelFolder, write_description
from regard.models.configs import TransformerConfig

TOLERANCE = 1e-3
"""Nats by which the log-probabilities of the best outputs may differ; where they differ less, either is the best."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What was written, and how it was compared."""

    folder: str
    sentences: int = 0
    same_greedy: int = 0
    same_beam: int = 0
    near_ties: int = 0  # outputs that differ and are as likely
    largest_difference: float = 0.0  # of an output's log-probability, in nats


def export(folder: ModelFolder, destination: Path, samples: Sequence[str] = ()) -> Exported:
    """Write a folder with two graphs, and what our engine for them needs; without samples nothing is compared.

    Raises UnsupportedError if the model is of another family, or if outputs are not the same.
    """
    config = folder.settings.model
    if not isinstance(config, TransformerConfig):
        problem = f"cannot have the family {config.kind} (its graphs are of transformers)"
        raise UnsupportedError(problem, where="onnx", hint="use engine 'torch'")
    for package in ("onnx", "onnxscript", "onnxruntime"):
        import_extra(package, "onnx")
    model = folder.load_model()
    with new_folder(destination) as beside:
        _write_graphs(model, beside)
        write_description(beside, folder.settings, folder.sides)
        return _compared(folder, model, OnnxModel(beside, threads=1), samples, str(destination))


@torch.no_grad()
def _write_graphs(model: Any, folder: Path) -> None:
    """Trace both graphs on examples whose sizes are all different, so that none is taken for another."""
    config, rows, source, past = model.config, 3, 5, 7
    layers, shared = config.decoder_layers, config.key_value_heads or config.heads
    copies = config.copying.kind != "none"
    called = names(layers, copies=copies)
    ids, lengths = torch.full((rows, source), 4), torch.tensor([source, 2, 3])
    held = [torch.randn(rows, shared, size, config.d_head) for size in (source, past) for _ in range(2 * layers)]
    # The axes that may have any size. Rows and sentences are as many, since a state has a row for each hypothesis.
    row, seen, before = (torch.export.Dim(name) for name in ("rows", "source_length", "past_length"))
    sizes: list[dict[int, Any]] = [{0: row, 2: axis} for axis in (seen, before) for _ in range(2 * layers)]
    if copies:
        held += [torch.randn(rows, source, config.d_model), torch.zeros(rows, 1, source), ids]
        sizes += [{0: row, 1: seen}, {0: row, 2: seen}, {0: row, 1: seen}]
    mask = torch.ones(rows, 1, 1, source, dtype=torch.bool)
    with traceable(model):
        _write(
            folder / SOURCE,
            (SourceGraph(model), (ids, lengths), ({0: row, 1: seen}, {0: row})),
            (called["source in"], called["source out"]),
        )
        _write(
            folder / STEP,
            (StepGraph(model), (ids[:, 0], mask, held), ({0: row}, {0: row, 3: seen}, sizes)),
            (called["step in"], called["step out"]),
        )


def _write(path: Path, traced: tuple[torch.nn.Module, Any, Any], called: tuple[list[str], list[str]]) -> None:
    """Write one graph: a module with example arguments and what may vary of them; names of inputs and outputs."""
    module, arguments, sizes = traced
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                module.eval(),
                arguments,
                str(path),
                input_names=called[0],
                output_names=called[1],
                dynamic_shapes=sizes,
                dynamo=True,
                external_data=False,
                verbose=False,
            )
    finally:
        logger.setLevel(level)


def _compared(folder: ModelFolder, model: Any, graphs: OnnxModel, samples: Sequence[str], name: str) -> Exported:
    """Compare the outputs for the samples with those of our model, by greedy and by beam search."""
    longest, limits = folder.settings.text.longest_source, folder.settings.decoding
    sources = [ids for text in samples if (ids := folder.sides.source.ids(text)[:longest])]
    configs: tuple[DecodingConfig, ...] = (
        GreedyConfig(max_length=limits.max_length),
        BeamConfig(max_length=limits.max_length),
    )
    same, ties, largest = [0, 0], 0, 0.0
    for source in sources:
        padded = PaddedTokens.sources([source])
        for kind, config in enumerate(configs):
            ours, theirs = (search(each, padded, config)[0][0] for each in (model, graphs))
            difference = abs(ours.log_prob - theirs.log_prob)
            if difference > TOLERANCE:
                problem = f"outputs by {config.kind} search are not those of the model, for {source}"
                raise UnsupportedError(problem, where="onnx", hint="use another version of onnxruntime")
            same[kind] += ours.ids == theirs.ids
            ties += ours.ids != theirs.ids
            largest = max(largest, difference)
    return Exported(
        folder=name,
        sentences=len(sources),
        same_greedy=same[0],
        same_beam=same[1],
        near_ties=ties,
        largest_difference=largest,
    )
