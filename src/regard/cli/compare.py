"""regard compare: tell whether one run is better than another."""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from regard.cli.evaluate import given, with_beams
from regard.cli.pairs import valid_files
from regard.errors import UsageError

if TYPE_CHECKING:
    from rich.table import Table

    from regard.data.pairs import Pair
    from regard.evaluation.compare import Contrast, Example
    from regard.evaluation.evaluate import Evaluation
    from regard.inference.translator import Translator
    from regard.run import Run

EXAMPLES = 3
"""Sentences of either kind that are shown; --json has more."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `regard compare`."""
    add = parser.add_argument
    add("first", metavar="RUN", help="folder of a run or of a model: A")
    add("second", metavar="RUN", help="another one: B")
    add("--test", dest="valid", metavar="PAIRS", help="TSV or JSON lines; default: the pairs that A held out")
    add("--test-target", dest="valid_target", metavar="F", help="targets, line by line beside the sources of --test")
    add("--columns", metavar="A,B", help="columns of a TSV that are source and target, from 1, such as 2,3")
    add("--fields", metavar="A,B", help="names of source and target in JSON lines, such as body,subject")
    add("--metrics", metavar="A,B", help="such as bleu,chrf,ter; default: those of A's task")
    add("--pooled", action="store_true", help="take pairs with the same source as one with several references")
    add("--beams", type=int, metavar="N", help="hypotheses kept at every step; default: as each model folder says")
    add("--json", action="store_true", help="print one JSON object instead")


def run(args: argparse.Namespace) -> int:
    """Measure both models on the same pairs, and tell what their difference is worth."""
    from rich.console import Console

    from regard.cli.measured import chosen_metrics
    from regard.cli.tables import show
    from regard.evaluation.compare import compare
    from regard.evaluation.evaluate import evaluate
    from regard.inference.translator import Translator
    from regard.run import run_of

    runs = run_of(args.first), run_of(args.second)
    metrics, pairs = chosen_metrics(args.metrics, runs[0]), chosen_pairs(args, *runs)
    pooled = args.pooled or any(run is not None and run.config.task.pooled for run in runs)
    translators = Translator.load(args.first), Translator.load(args.second)

    def measured(translator: Translator) -> "Evaluation":
        decoding = with_beams(translator.folder.settings.decoding, args.beams)
        return evaluate(translator, pairs, metrics=metrics, pooled=pooled, decoding=decoding)

    with Console(stderr=True).status(f"translating {len(pairs):,} sources, twice"):
        contrast = compare(*map(measured, translators))
    parameters, settings = [parameters_of(t) for t in translators], differing(*runs, *translators)
    if args.json:
        more = {"parameters": parameters, "settings": settings}
        print(json.dumps(contrast.to_json() | more, ensure_ascii=False, allow_nan=False))
    else:
        show(passages(contrast, parameters, settings))
    return 0


def chosen_pairs(args: argparse.Namespace, first: "Run | None", second: "Run | None") -> "Sequence[Pair]":
    """Return the pairs of `--test`, or else those that the first run held out, if they are new to the second too."""
    from regard.cli.measured import held_out_by_both
    from regard.data.pairs import read_pairs

    if files := valid_files(args):
        return read_pairs(files)
    for option, value in {
        "--test-target": args.valid_target,
        "--columns": args.columns,
        "--fields": args.fields,
    }.items():
        if value:
            raise UsageError("has no meaning without --test", where=option, hint="name the pairs with --test")
    if first is None or second is None:
        path = args.second if first else args.first
        raise UsageError("which pairs? it lies in no run", where=path, hint="name some with --test")
    pairs, warning = held_out_by_both(first, second)
    if warning:
        print(f"note: {warning}", file=sys.stderr)
    return pairs


def parameters_of(translator: "Translator") -> int:
    """Return how many numbers a model has."""
    from regard.models.count import parameters_by_part, tensor_shapes

    return sum(parameters_by_part(tensor_shapes(translator.folder.path / "model.safetensors")).values())


def differing(
    first: "Run | None", second: "Run | None", one: "Translator", other: "Translator"
) -> dict[str, list[Any]]:
    """Return the settings in which two runs differ, by path; of models without runs, those that they have."""
    from regard.experiment import differences

    found = differences(one.folder.settings, other.folder.settings)
    if first and second:
        found = differences(first.config, second.config)
    return {path: [getattr(value, "kind", value) for value in values] for path, values in found.items()}


def passages(
    contrast: "Contrast", parameters: Sequence[int], settings: dict[str, list[Any]]
) -> "Iterator[str | Table]":
    """Yield both models, their scores and what these say, where the models differ, and where their outputs do most."""
    from regard.cli.tables import facts, table

    models = zip("AB", (contrast.first, contrast.second), parameters, strict=True)
    yield table(["", "model", "parameters", "sentences/s"], (model_row(*each) for each in models))
    headers = ["metric", "A", "B", "B - A", "95 % interval", "p"]
    yield table(headers, (metric_row(contrast, name) for name in contrast.metrics))
    yield "\n".join(map(contrast.verdict, contrast.metrics))
    if settings:
        yield table(["setting", "A", "B"], ([path, *map(str, values)] for path, values in settings.items()))
    for example in contrast.examples(EXAMPLES):
        yield facts(example_rows(example, contrast))
    yield "\n".join(result.signature for result in contrast.first.metrics.values())


def model_row(letter: str, evaluation: "Evaluation", parameters: int) -> list[str]:
    """Return what a model is called, its size and its speed."""
    return [letter, evaluation.model, f"{parameters:,}", f"{len(evaluation.sentences) / evaluation.seconds:.1f}"]


def metric_row(contrast: "Contrast", name: str) -> list[str]:
    """Return both values of a metric and what their difference is worth."""
    from regard.evaluation.compare import p_value
    from regard.evaluation.evaluate import title

    found = contrast.metrics[name]
    low, high = found.interval
    numbers = [f"{found.first:.2f}", f"{found.second:.2f}", f"{found.difference:+.2f}", f"{low:+.2f} to {high:+.2f}"]
    return [title(contrast.first.metrics[name]), *numbers, p_value(found.p_value).removeprefix("p ").removeprefix("= ")]


def example_rows(example: "Example", contrast: "Contrast") -> list[tuple[str, str]]:
    """Return a sentence, what both models made of it, and how that scores."""
    from regard.evaluation.evaluate import title

    a, b = example.first, example.second
    words = (f"{title(r)} {a.scores[name]:.1f} and {b.scores[name]:.1f}" for name, r in contrast.first.metrics.items())
    better = "A better" if example.better == "first" else "B better"
    return [(better, ", ".join(words)), *given(a), ("A", a.output), ("B", b.output)]
