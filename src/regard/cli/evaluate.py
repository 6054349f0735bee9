"""regard evaluate: measure a model on pairs of texts."""

import argparse
import json
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from regard.cli.engines import add_engine_arguments, beside_reference, chosen_engine, compared, warning
from regard.cli.pairs import add_pair_arguments, pair_files
from regard.decoding.types import BeamConfig
from regard.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from rich.table import Table

    from regard.data.pairs import Pair
    from regard.decoding.types import DecodingConfig
    from regard.evaluation.evaluate import Evaluation, Sentence
    from regard.metrics.base import MetricResult
    from regard.run import Run

WORST = 5
"""Sentences that are shown; --json has more."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `regard evaluate`."""
    parser.add_argument("run", metavar="RUN", help="folder of a run or of a model")
    add_pair_arguments(parser, required=False)
    add = parser.add_argument
    split = "without PAIRS: what the run held out (valid, the default), or test pairs that its task makes"
    add("--split", choices=("valid", "test"), help=split)
    add("--metrics", metavar="A,B", help="such as bleu,chrf,ter; default: those of the run's task; with --json, all")
    add("--pooled", action="store_true", help="take pairs with the same source as one with several references")
    add("--beams", type=int, metavar="N", help="hypotheses kept at every step; default: as the model folder says")
    add_engine_arguments(parser)
    add("--output", metavar="F", help="write what the model wrote to F, a line for each sentence")
    add("--json", action="store_true", help="print one JSON object instead")


def run(args: argparse.Namespace) -> int:
    """Translate the sources, score what comes out, and tell."""
    from rich.console import Console

    from regard.cli.answers import Notes
    from regard.cli.measured import chosen_metrics, with_all_others
    from regard.cli.tables import show
    from regard.evaluation.evaluate import evaluate
    from regard.files import new_file
    from regard.inference.translator import Translator
    from regard.run import run_of

    of = run_of(args.run)
    metrics, (pairs, origin) = chosen_metrics(args.metrics, of), chosen_pairs(args, of)
    pooled = args.pooled or (of is not None and of.config.task.pooled)
    missing: dict[str, str] = {}
    if args.json and args.metrics is None:
        metrics, missing = with_all_others(metrics)
    translator = Translator.load(args.run, **chosen_engine(args))
    decoding = with_beams(translator.folder.settings.decoding, args.beams)
    with new_file(Path(args.output)) if args.output else nullcontext() as out:
        with Console(stderr=True).status(f"translating {len(pairs):,} sources"):
            evaluation = evaluate(translator, pairs, metrics=metrics, pooled=pooled, decoding=decoding)
        if out:
            out.writelines(re.sub("\r\n?|\n", " ", output) + "\n" for output in evaluation.outputs)
    comparison = compared(args, evaluation, decoding)
    if args.json:
        more = {"missing_metrics": missing, "engine": comparison and comparison.to_json()}
        print(json.dumps(evaluation.to_json() | more, ensure_ascii=False, allow_nan=False))
    else:
        show(chain(passages(evaluation, origin), [beside_reference(comparison)] if comparison else []))
    if comparison and (words := warning(comparison)):
        print(words, file=sys.stderr)
    notes = Notes()
    for number, sentence in enumerate(evaluation.sentences, start=1):
        notes.add(sentence.line or number, {sentence.status})
    notes.show()
    return 0


def chosen_pairs(args: argparse.Namespace, run: "Run | None") -> "tuple[Sequence[Pair], str]":
    """Return the pairs that the options name, and where they come from, in words."""
    from regard.cli.measured import held_out, own_test_pairs
    from regard.data.pairs import read_pairs

    if files := pair_files(args):
        if args.split:
            raise UsageError("cannot go with PAIRS", where="--split", hint="choose one of the two")
        return read_pairs(files), str(files)
    if args.split == "test":
        return own_test_pairs(run, args.run), "the task's test pairs"
    return held_out(run, args.run), "held out by the run, which chose its weights by them"


def with_beams(decoding: "DecodingConfig", beams: int | None) -> "DecodingConfig":
    """Return the search with so many beams, or as it is.

    Raises UsageError if it cannot have so many.
    """
    from regard.inference.adjusted import adjusted

    if beams is None:
        return decoding
    try:
        return adjusted(decoding, {"kind": "beam", "beams": beams})
    except ConfigError as error:
        raise UsageError(error.problem, where=f"--{error.where}", hint=error.hint) from None


def passages(evaluation: "Evaluation", origin: str) -> "Iterator[str | Table]":
    """Yield the scores, then what they are made of."""
    from regard.cli.tables import facts, table
    from regard.evaluation.evaluate import title

    metrics = evaluation.metrics.values()
    yield heading(evaluation, origin)
    scores = ([title(result), score(result), interval(result)] for result in metrics)
    yield table(["metric", "score", "95 % interval"], scores)
    yield loss(evaluation)
    if len(evaluation.buckets) > 1:
        yield table(["source tokens", "sentences", *map(title, metrics)], by_length(evaluation))
    for number, sentence in enumerate(evaluation.worst(WORST), start=1):
        words = ", ".join(f"{title(result)} {sentence.scores[result.name]:.1f}" for result in metrics)
        yield facts([(f"worst {number}", words), *given(sentence), ("output", sentence.output)])
    yield "\n".join(result.signature for result in metrics)


def heading(evaluation: "Evaluation", origin: str) -> str:
    """Say what was measured, and how."""
    search = evaluation.decoding
    beams = f" with {search.beams} beams" if isinstance(search, BeamConfig) else ""
    pairs = f"{evaluation.pairs:,} pairs" + (f", {len(evaluation.sentences):,} sources" if evaluation.pooled else "")
    return f"{evaluation.model}: {pairs} ({origin}), {search.kind} search{beams}, {evaluation.seconds:.1f} s"


def loss(evaluation: "Evaluation") -> str:
    """Say how likely the model finds the references."""
    if not evaluation.tokens:
        return "loss: none, all pairs are too long"
    left_out = f" (pairs left out, being too long: {evaluation.too_long:,})" if evaluation.too_long else ""
    words = f"loss {evaluation.loss:.4f} nats per token, perplexity {evaluation.perplexity:.4g}"
    return f"{words}, of {evaluation.tokens:,} target tokens{left_out}"


def score(result: "MetricResult") -> str:
    """Write a score with its unit."""
    return f"{result.value:.2f} {result.unit}".rstrip()


def interval(result: "MetricResult") -> str:
    """Write the interval of a score."""
    return "{:.2f} to {:.2f}".format(*result.interval) if result.interval else ""


def by_length(evaluation: "Evaluation") -> Iterator[list[str]]:
    """Yield a row for each bucket."""
    for bucket in evaluation.buckets:
        scores = (f"{score(result)} ({interval(result)})" for result in bucket.metrics.values())
        yield [f"{bucket.shortest} to {bucket.longest}", f"{bucket.sentences:,}", *scores]


def given(sentence: "Sentence") -> list[tuple[str, str]]:
    """Return a source and its references, each with its name."""
    source = f"line {sentence.line}" if sentence.line else "source"
    return [(source, sentence.source), *(("reference", reference) for reference in sentence.references)]
