"""regard train: from pairs to a trained model in a run folder."""

import argparse
import json
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from regard.cli.pairs import add_pair_arguments, add_valid_arguments, pair_files, valid_files
from regard.config import merge, to_mapping
from regard.data.pairs import Pair
from regard.errors import ResourceError, UsageError
from regard.experiment import over_preset
from regard.plan import Plan, plan_new, plan_resume
from regard.run import Run
from regard.tasks.files import task_settings

if TYPE_CHECKING:
    from regard.evaluation.evaluate import Evaluation

REPORTED = 500
"""Pairs that the report measures at most, so that it is there soon."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `regard train`."""
    add_pair_arguments(parser, required=False)
    add_valid_arguments(parser, otherwise="a part of PAIRS")
    add = parser.add_argument
    add("--out", metavar="RUN", type=Path, help="folder to make; default: in runs/, named after PAIRS")
    add("--preset", metavar="P", help="a recipe in the package, such as tiny; default: auto, made from the data")
    add("--config", metavar="F.toml", help="settings to lay over the preset")
    add("--set", metavar="a.b=c", action="append", default=[], help="one setting, such as model.d_model=256")
    add("--steps", type=int, metavar="N", help="updates of the weights: short for --set training.steps=N")
    add("--resume", action="store_true", help="go on with RUN where it stopped; needs no PAIRS")
    add("--device", metavar="D", default="cpu", help="cpu, or cuda where there is one; default: cpu")
    add("--dry-run", action="store_true", help="predict time, memory and disk, and make nothing")
    add("--quiet", action="store_true", help="show warnings alone")
    add("--json", action="store_true", help="print every event as a line of JSON")


def run(args: argparse.Namespace) -> int:
    """Check everything, then train."""
    plan = planned(args)
    if not (args.quiet or args.json):
        tell(plan)
    return dry_run(plan, args) if args.dry_run else train(plan, args)


def planned(args: argparse.Namespace) -> Plan:
    """Turn the command line into a plan."""
    settings = over_preset(args.config, args.set)
    if args.steps is not None:
        settings = merge(settings, {"training": {"steps": args.steps}})
    pairs = pair_files(args)
    task = task_settings(pairs, valid_files(args)) if pairs else {}
    if args.resume and args.out is None:
        raise UsageError("which run?", where="--resume", hint="name it with --out RUN")
    named = bool(task) or "kind" in settings.get("task", {})
    if args.resume and (args.out.exists() or not named):
        if args.preset:
            raise UsageError("a run has its settings already", where="--preset", hint="leave it out, or start anew")
        return plan_resume(args.out, {"task": task} if task else {}, settings)
    if not named:
        hint = "such as pairs.tsv, or --source a.en --target a.de"
        raise UsageError("no pairs to learn from", where="regard train", hint=hint)
    return plan_new({"task": task} if task else {}, settings, preset=args.preset or "auto", out=args.out)


def tell(plan: Plan) -> None:
    """Say what was understood, before the first step."""
    from regard import __version__

    def say(name: str, text: str) -> None:
        print(f"{name:>8}  {text}", file=sys.stderr)

    c, splits = plan.config, plan.splits
    say("regard", f"{__version__}, seed {c.training.seed}, {'resumes' if plan.run else 'writes'} {plan.out}")
    say("pairs", f"{len(splits.train):,} to learn from, {len(splits.valid):,} held out")
    for line in splits.report.get("lines", []):
        say("data", line)
    for pair in list(splits.train)[:3]:
        say("", f"{pair.source[:60]!r} -> {pair.target[:60]!r}")
    for reason in plan.reasons:
        say("chosen", reason)
    m = to_mapping(c.model)
    sizes = ", ".join(f"{key} {m[key]}" for key in ("encoder_layers", "decoder_layers", "d_model", "d_ff") if key in m)
    say("model", f"{c.model.kind}: {sizes}, dropout {m['dropout']}")
    say("course", f"{c.training.steps:,} steps, up to {c.training.batch_tokens * c.training.accumulate:,} tokens each")
    sys.stderr.flush()


def train(plan: Plan, args: argparse.Namespace) -> int:
    """Train, write the report, and say what to do next."""
    run = plan.start(["regard", *sys.argv[1:]])
    from regard.cli.progress import duration

    try:
        seconds, best = trained(run, plan, quiet=args.quiet, as_json=args.json, device=args.device)
    except KeyboardInterrupt:
        print(f"stopped; go on with: regard train --resume --out {run.path}", file=sys.stderr)
        return 130
    conclude(run, thinned(plan.splits.valid, REPORTED), "held-out pairs")
    if not (args.quiet or args.json):
        print(f"\nbest at step {best}; {duration(seconds)} of training. Next:", file=sys.stderr)
        for command in next_commands(run):
            print(f"  {command}", file=sys.stderr)
    return 0


def trained(run: Run, plan: Plan, *, quiet: bool, as_json: bool = False, device: str = "cpu") -> tuple[float, int]:
    """Train in a run folder, showing how it goes; return the seconds spent in steps and the best step."""
    from regard.cli.progress import choose_view

    view = choose_view(quiet=quiet, as_json=as_json)
    try:
        with stop_requests() as stop:
            progress = run.train(plan.splits, view, stop, device).progress
    finally:
        view.close()
    return progress.seconds, progress.best_step


def conclude(run: Run, pairs: Sequence[Pair], name: str) -> "Evaluation":
    """Measure the best model on pairs, and write the report and the model card of a finished run."""
    from regard.evaluation.evaluate import evaluate
    from regard.inference.translator import Translator
    from regard.inspection.measures import sharpest_map
    from regard.inspection.trace import trace_text
    from regard.report import write_model_card, write_report

    task, translator = run.config.task, Translator.load(run)
    found = evaluate(translator, pairs, metrics=task.metrics, pooled=task.pooled)
    maps = [sharpest_map(trace_text(translator, pair.source)) for pair in thinned(pairs, 3)]
    write_report(run.path, evaluation=found.to_json(), pairs=name, maps=maps)
    write_model_card(run.path, evaluation=found.to_json(), pairs=name)
    return found


def thinned(pairs: Sequence[Pair], most: int) -> Sequence[Pair]:
    """Return some of the pairs, evenly spread."""
    return pairs[:: -(-len(pairs) // most)]


def next_commands(run: Run) -> list[str]:
    """Return what one would want to do next."""
    return [
        f"regard translate {run.path} FILE",
        f"regard evaluate {run.path} TEST_PAIRS",
        f"regard info {run.path}        (and open {run.path / 'report.html'})",
    ]


@contextmanager
def stop_requests() -> Iterator[Callable[[], bool]]:
    """Yield a function that is true once Ctrl-C or SIGTERM came; a second one stops at once."""
    asked: list[int] = []

    def ask(number: int, frame: object) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)
        print("stopping after this step; once more to stop at once", file=sys.stderr)

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, ask) for number in numbers]
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def dry_run(plan: Plan, args: argparse.Namespace) -> int:
    """Predict what the training would cost."""
    from regard.cli.progress import SilentView, duration
    from regard.training.forecast import forecast

    with tempfile.TemporaryDirectory() as folder:
        run = Run.create(Path(folder) / "run", plan.config, plan.splits)
        cost = forecast(run.trainer(plan.splits, SilentView(), lambda: False, args.device))
    free = shutil.disk_usage(plan.out.absolute().anchor).free
    if args.json:
        print(json.dumps(asdict(cost)))
    else:
        print(f"{cost.parameters:,} weights, {cost.tokens_per_second:,.0f} target tokens per second")
        memory, disk = f"{cost.memory / 2**30:.1f} GiB of memory", f"{cost.disk / 2**20:.0f} MiB on disk"
        print(f"about {duration(cost.seconds)}, {memory}, {disk}")
    if cost.disk > free:
        raise ResourceError(f"only {free / 2**20:.0f} MiB are free", where=str(plan.out), hint="choose another --out")
    return 0
