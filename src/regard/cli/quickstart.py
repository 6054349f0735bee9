"""regard quickstart: the whole of it in a few minutes, on phrases that are made on the spot."""

import argparse
import os
import shutil
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from regard.cli.streams import tell
from regard.cli.train import describe, stopped, trained
from regard.conclusion import conclude
from regard.errors import RegardError, UsageError
from regard.experiment import over_preset
from regard.files import write_json
from regard.plan import plan_new
from regard.run import Run
from regard.tasks.base import Splits

if TYPE_CHECKING:
    from regard.evaluation.evaluate import Evaluation

DOZEN = 12
CHECKED = 4000
"""Pairs that are looked at before training: made pairs are all alike."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `regard quickstart`."""
    add = parser.add_argument
    add("--pair", default="en-de", metavar="A-B", help="two locales of CLDR, such as en-ja; default: en-de")
    add(
        "--out",
        type=Path,
        default=Path("runs/quickstart"),
        metavar="RUN",
        help="run folder, made anew; default: runs/quickstart",
    )
    add("--set", metavar="a.b=c", action="append", default=[], help="change one setting")
    add("--quiet", action="store_true", help="show warnings and the result alone")


def run(args: argparse.Namespace) -> int:
    """Make phrases, train, evaluate, translate and look inside."""
    started = time.perf_counter()
    source, dash, target = args.pair.partition("-")
    if not (source and dash and target):
        raise UsageError(f"expected two locales, got {args.pair!r}", where="--pair", hint="such as en-de or en-pt_BR")
    task = {"task": {"kind": "phrasebook", "source": source, "target": target}}
    again = is_quickstart(args.out)
    plan = plan_new(task, over_preset(None, args.set), preset="phrasebook", out=None if again else args.out)
    plan = replace(plan, out=args.out)
    if not args.quiet:
        check(plan.splits)
        describe(plan)
    began = time.perf_counter()
    if again:
        Run.open(args.out).delete()
    settings = (word for setting in args.set for word in ("--set", setting))
    run = plan.start(["regard", "quickstart", "--pair", args.pair, "--out", str(args.out), *settings])
    try:
        trained(run, plan, quiet=args.quiet)
    except KeyboardInterrupt:
        return stopped(run)
    seconds = time.perf_counter() - began
    found = conclude(run, plan.splits.test, "phrases that were never trained on")
    result = told(found, run, plan.splits)
    total = time.perf_counter() - started
    write_json(run.path / "result.json", result | {"train_seconds": seconds, "total_seconds": total})
    print(f"\nThe report: {run.path / 'report.html'}")
    print(f'Your turn:  echo "{plan.splits.test[0].source}" | regard translate {run.path}')
    print(f'Look inside:  regard look {run.path} "{plan.splits.test[0].source}" -o page.html')
    return 0


def check(splits: Splits) -> None:
    """Look at a part of the pairs as `regard check` does, and tell what was found."""
    from regard.data.check import check_pairs

    report = check_pairs(splits.train[:CHECKED], splits.valid)
    found = "; ".join(finding.message for finding in report.findings) or "nothing wrong"
    tell(f" checked  {report.read:,} of {len(splits.train):,} pairs: {found}")


def is_quickstart(out: Path) -> bool:
    """Tell whether a folder is an earlier quickstart, which may go."""
    try:
        begun_so = (out / "command.txt").read_text(encoding="utf-8").startswith("regard quickstart ")
        return begun_so and Run.open(out).config.task.kind == "phrasebook"
    except (OSError, UnicodeDecodeError, RegardError):
        return False


def told(found: "Evaluation", run: Run, splits: Splits) -> dict[str, float]:
    """Show a dozen phrases, an attention, and how often outputs are right, beside looking up the nearest phrase."""
    from regard.inference.translator import Translator
    from regard.inspection.measures import sharpest_map
    from regard.inspection.terminal import colours_of, draw
    from regard.inspection.trace import trace_text
    from regard.tasks.phrasebook import nearest_training_phrase

    print(f"\n{DOZEN} phrases that were never trained on:")
    for sentence in found.sentences[:DOZEN]:
        print(f"  {sentence.source}\n  {'=' if sentence.right else 'x'} {sentence.output}")
    colours = colours_of(os.environ, terminal=sys.stdout.isatty())
    width = shutil.get_terminal_size((80, 24)).columns
    print()
    print(draw(sharpest_map(trace_text(Translator.load(run), found.sentences[0].source)), width=width, colours=colours))
    nearest = nearest_training_phrase(splits.train, [pair.source for pair in splits.test])
    looked_up = sum(text == pair.target for text, pair in zip(nearest, splits.test, strict=True)) / len(splits.test)
    right = found.metrics["exact_match"].value / 100
    print(f"\nExact match on unseen phrases: {right:.1%}. By looking up the nearest training phrase: {looked_up:.1%}.")
    return {"exact_match": right, "nearest_phrase_match": looked_up, "test_phrases": len(splits.test)}
