"""regard quickstart: the whole of it in a few minutes, on phrases that are made on the spot."""

import argparse
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from regard.cli.train import conclude, tell, trained
from regard.data.pairs import Pair
from regard.errors import UsageError
from regard.experiment import over_preset
from regard.files import write_json
from regard.plan import plan_new
from regard.run import Run

DOZEN = 12


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
    plan = plan_new(task, over_preset(None, args.set), preset="phrasebook", out=clear(args.out))
    if not args.quiet:
        tell(plan)
    began = time.perf_counter()
    run = plan.start(["regard", *sys.argv[1:]])
    trained(run, plan, quiet=args.quiet)
    seconds = time.perf_counter() - began
    result = examined(run, plan.splits.train, plan.splits.test)
    write_json(run.path / "result.json", result | {"train_seconds": seconds})
    conclude(run)
    total = time.perf_counter() - started
    write_json(run.path / "result.json", result | {"train_seconds": seconds, "total_seconds": total})
    print(f"\nThe report: {run.path / 'report.html'}")
    print(f'Your turn:  echo "{plan.splits.test[0].source}" | regard translate {run.path}')
    return 0


def clear(out: Path) -> Path:
    """Remove an earlier quickstart, and nothing else."""
    if (out / "config.toml").is_file() and 'kind = "phrasebook"' in (out / "config.toml").read_text(encoding="utf-8"):
        shutil.rmtree(out)
    return out


def examined(run: Run, train: Sequence[Pair], test: Sequence[Pair]) -> dict[str, float]:
    """Translate the test phrases, beside a look-up of the nearest training phrase; show a dozen and one attention."""
    from regard.inference.translator import Translator
    from regard.inspection.terminal import draw
    from regard.inspection.trace import trace
    from regard.tasks.phrasebook import nearest_training_phrase

    translator = Translator.load(run.path)
    outputs = [translation.text for translation in translator.translate([pair.source for pair in test])]
    nearest = nearest_training_phrase(train, [pair.source for pair in test])
    right = sum(output == pair.target for output, pair in zip(outputs, test, strict=True)) / len(test)
    looked_up = sum(output == pair.target for output, pair in zip(nearest, test, strict=True)) / len(test)
    print(f"\n{DOZEN} of {len(test)} phrases that were never trained on:")
    for pair, output in list(zip(test, outputs, strict=True))[:DOZEN]:
        print(f"  {pair.source}\n  {'=' if output == pair.target else 'x'} {output}")
    print()
    print(draw(trace(run.path, test[0].source, outputs[0])))
    print(f"\nexact match on unseen phrases: {100 * right:.1f} %   (nearest training phrase: {100 * looked_up:.1f} %)")
    return {"exact_match": right, "nearest_phrase_match": looked_up, "test_phrases": len(test)}
