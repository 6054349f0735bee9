"""regard evaluate: measure a model on pairs of texts."""

import argparse
import json
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from regard.cli.pairs import add_pair_arguments

if TYPE_CHECKING:
    pass


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `regard evaluate`."""
    parser.add_argument("run", metavar="RUN", help="folder of a run or of a model")
    add_pair_arguments(parser, required=False)
    add = parser.add_argument
    add(
        "--split",
        choices=("valid", "test"),
        default="valid",
        help="without PAIRS: what the run held out (default), or the test pairs of a task that makes its own",
    )
    add("--metrics", metavar="A,B", help="such as bleu,chrf,ter; default: those of the run's task")
    add("--pooled", action="store_true", help="take pairs with the same source as one, with several references")
    add("--beams", type=int, metavar="N", help="hypotheses kept at every step; default: as the model folder says")
    add("--output", metavar="F", help="write to F what the model wrote, a line per sentence")
    add("--json", action="store_true", help="print one JSON object instead")


def run(args: argparse.Namespace) -> int:
    """Translate the sources, score what comes out, and tell."""
    from rich.console import Console

    from regard.cli.measured import chosen_metrics, chosen_pairs, run_of
    from regard.evaluation.evaluate import evaluate
    from regard.files import new_file
    from regard.inference.translator import Translator

    of = run_of(args.run)
    metrics, pairs = chosen_metrics(args.metrics, of), chosen_pairs(args, of)
    with new_file(Path(args.output)) if args.output else nullcontext() as out:
        translator = Translator.load(args.run)
        decoding = with_beams(translator.folder.settings.decoding, args.beams)
        pooled = args.pooled or (of is not None and of.config.task.pooled)
        with Console(stderr=True).status(f"{len(pairs):,} pairs"):
            evaluation = evaluate(translator, pairs, metrics=metrics, pooled=pooled, decoding=decoding)
        if out:
            out.writelines(" ".join(output.splitlines()) + "\n" for output in evaluation.outputs)
    if args.json:
        print(json.dumps(evaluation.to_json(), ensure_ascii=False, allow_nan=False))
    else:
        show(evaluation)
    return 0
