"""regard train: from pairs to a trained model in a run folder."""

import argparse
import json
import os
import re
import shlex
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from regard.cli.pairs import add_pair_arguments, add_valid_arguments, pair_files, valid_files
from regard.cli.streams import tell
from regard.conclusion import conclude, some_sources
from regard.config import Values, merge, to_mapping
from regard.errors import ResourceError, UsageError
from regard.experiment import over_preset
from regard.model_folder import ModelFolder
from regard.plan import Plan, plan_new, plan_resume
from regard.run import Run
from regard.tasks.files import task_settings
from regard.training.course import process_age

if TYPE_CHECKING:
    from regard.training.world import World


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `regard train`."""
    add_pair_arguments(parser, required=False)
    add_valid_arguments(parser, otherwise="a part of PAIRS")
    add = parser.add_argument
    add("--out", metavar="RUN", type=Path, help="folder to make; default: in runs/, named after PAIRS")
    add("--from", metavar="MODEL", dest="origin", help="run or model folder to go on from: its weights and tokenizers")
    add("--preset", metavar="P", help="a recipe in the package, such as tiny; default: auto, made from the data")
    add("--config", metavar="F.toml", help="settings to lay over the preset")
    add("--set", metavar="a.b=c", action="append", default=[], help="one setting, such as model.d_model=256")
    add("--steps", type=int, metavar="N", help="updates of the weights: short for --set training.steps=N")
    add("--budget", type=duration_given, metavar="T", help="how long it may take, such as 10m: sizes and steps to fit")
    add("--resume", action="store_true", help="go on with RUN where it stopped; needs no PAIRS")
    add("--device", metavar="D", help="cpu, or cuda where there is one; default: cpu, or where the run was started")
    add("--dry-run", action="store_true", help="predict time, memory and disk, and make nothing")
    add("--quiet", action="store_true", help="show warnings alone")
    add("--json", action="store_true", help="print every event as a line of JSON")


def run(args: argparse.Namespace) -> int:
    """Check everything, then train."""
    if several_processes():
        return train_together(args)
    plan = planned(args)
    if not (args.quiet or args.json):
        describe(plan)
    return dry_run(plan, args) if args.dry_run else train(plan, args)


def several_processes() -> bool:
    """Whether torchrun started this process beside others."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def train_together(args: argparse.Namespace) -> int:
    """Train as one of the processes of a torchrun: the first makes the run and speaks for all."""
    from regard.training.world import join, leave

    if args.dry_run:
        raise UsageError("goes with one process alone", where="--dry-run", hint="leave torchrun out")
    world = join()
    try:
        return train_as(world, args)
    finally:
        leave(world)


def train_as(world: "World", args: argparse.Namespace) -> int:
    """Train as the first process of several, or as another."""
    if world.rank == 0:
        plan = planned(args)
        if not (args.quiet or args.json):
            describe(plan)
        return train(plan, args, begun=lambda run: world.from_first(lambda: (str(run.path), to_mapping(run.config))))
    nothing: tuple[str, Values] = ("", {})
    path, settings = world.from_first(lambda: nothing)
    plan = plan_resume(Path(path), {}, settings)
    try:
        trained(plan.start(), plan, quiet=True, device=args.device)
    except KeyboardInterrupt:
        return 130
    return 0


def planned(args: argparse.Namespace) -> Plan:
    """Turn the command line into a plan."""
    pairs = pair_files(args)
    task = task_settings(pairs, valid_files(args)) if pairs else {}
    settings = over_preset(args.config, [])
    if pairs:
        settings = without_pairs(settings)
    settings = merge(settings, over_preset(None, args.set))
    if args.budget is not None and args.steps is not None:
        raise UsageError("goes without --steps", where="--budget", hint="give the one or the other")
    if args.budget is not None:
        settings = merge(settings, {"training": {"budget": args.budget}})
    if args.steps is not None:
        settings = merge(settings, {"training": {"steps": args.steps, "budget": 0.0}})
    if args.resume and args.out is None:
        raise UsageError("which run?", where="--resume", hint="name it with --out RUN")
    named = bool(task or settings.get("task"))
    if args.resume and (args.out.exists() or not named):
        if args.origin:
            raise UsageError("a run goes on from itself", where="--from", hint="leave it out, or start anew")
        if args.preset:
            raise UsageError("a run has its settings already", where="--preset", hint="leave it out, or start anew")
        return plan_resume(args.out, {"task": task} if task else {}, settings)
    if not named:
        hint = "such as pairs.tsv, or --source a.en --target a.de"
        raise UsageError("no pairs to learn from", where="regard train", hint=hint)
    origin = ModelFolder.open(args.origin) if args.origin else None
    return plan_new({"task": task} if task else {}, settings, preset=args.preset or "auto", out=args.out, origin=origin)


def duration_given(text: str) -> float:
    """Return the seconds that words such as 90s, 10m or 1h30m stand for."""
    found = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m(?:in)?)?(?:(\d+)s)?", text.strip().lower())
    hours, minutes, seconds = (float(part or 0) for part in found.groups()) if found and found[0] else (0.0, 0.0, 0.0)
    if not hours + minutes + seconds:
        raise argparse.ArgumentTypeError(f"{text!r} is no time (such as 90s, 10m or 1h30m)")
    return 3600 * hours + 60 * minutes + seconds


def describe(plan: Plan) -> None:
    """Say what was understood, before the first step."""
    from regard import __version__
    from regard.cli.progress import duration

    def say(name: str, text: str) -> None:
        tell(f"{name:>8}  {text}")

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
    shown = ("encoder_layers", "decoder_layers", "d_model", "d_ff", "dropout")
    say("model", f"{c.model.kind}: {', '.join(f'{key} {m[key]}' for key in shown if key in m)}")
    t = c.training
    course = f"{duration(t.budget)} from the start of the command" if t.budget else f"{t.steps:,} steps"
    say("course", f"{course}, steps of up to {t.batch_tokens * t.accumulate:,} tokens")


def train(plan: Plan, args: argparse.Namespace, begun: Callable[[Run], object] = lambda run: None) -> int:
    """Train, write the report, and say what to do next; `begun` hears of the run once it is there."""
    run = plan.start(["regard", *sys.argv[1:]])
    begun(run)
    from regard.cli.progress import duration

    try:
        seconds, best = trained(run, plan, quiet=args.quiet, as_json=args.json, device=args.device)
    except KeyboardInterrupt:
        return stopped(run)
    conclude(run, some_sources(plan.splits.valid))
    if not (args.quiet or args.json):
        tell(f"\nbest at step {best}; {duration(seconds)} of training. Next:")
        for command in next_commands(run):
            tell(f"  {command}")
    return 0


def stopped(run: Run) -> int:
    """Say how to go on; return the exit code."""
    tell(f"stopped; go on with: regard train --resume --out {shlex.quote(str(run.path))}")
    return 130


def trained(
    run: Run, plan: Plan, *, quiet: bool, as_json: bool = False, device: str | None = None
) -> tuple[float, int]:
    """Train in a run folder, showing how it goes; return the seconds spent in steps and the best step."""
    from regard.cli.progress import choose_view

    view = choose_view(quiet=quiet, as_json=as_json)
    try:
        with stop_requests() as stop, plan.kept_if_usable(run):
            progress = run.train(plan.splits, view, stop, device, time.monotonic() - process_age()).progress
    finally:
        view.close()
    return progress.seconds, progress.best_step


def without_pairs(settings: Values) -> Values:
    """Return settings that name no pairs: those of the command line go before those of a file."""
    task = settings.get("task", {})
    if not isinstance(task, Mapping) or task.get("kind", "files") != "files":
        return {name: table for name, table in settings.items() if name != "task"}
    where = {"train", "train_target", "valid", "valid_target", "columns", "fields"}
    return settings | {"task": {name: value for name, value in task.items() if name not in where}}


def next_commands(run: Run) -> list[str]:
    """Return what one would want to do next."""
    path = shlex.quote(str(run.path))
    return [
        f"regard translate {path} FILE",
        f"regard evaluate {path} TEST_PAIRS",
        f"regard info {path}        # and open {run.path / 'report.html'}",
    ]


@contextmanager
def stop_requests() -> Iterator[Callable[[], bool]]:
    """Yield a function that is true once Ctrl-C or SIGTERM came; a second one stops at once."""
    asked: list[int] = []

    def ask(number: int, frame: object) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)
        tell("stopping after this step; once more to stop at once")

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
        run = plan.create(Path(folder) / "run")
        done = plan.run.status()["step"] if plan.run else 0
        cost = forecast(run.trainer(plan.splits, SilentView(), lambda: False, args.device), done)
    there = next(folder for folder in plan.out.absolute().parents if folder.exists())
    free = shutil.disk_usage(there).free
    if args.json:
        print(json.dumps(asdict(cost)))
    else:
        print(f"{cost.parameters:,} weights, {cost.tokens_per_second:,.0f} target tokens per second")
        memory, disk = f"{cost.memory / 2**30:.1f} GiB of memory", f"{cost.disk / 2**20:.0f} MiB on disk"
        print(f"about {duration(cost.seconds)}, {memory}, {disk}")
    if cost.disk > free:
        raise ResourceError(f"only {free / 2**20:.0f} MiB are free", where=str(plan.out), hint="choose another --out")
    return 0
