"""What the benchmarks share: where data lies, one training by seed, and what a result says of its machine."""

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from regard.cli.progress import choose_view
from regard.config import Values
from regard.experiment import ExperimentConfig, over_preset, read_preset, resolve
from regard.files import write_json
from regard.native.library import native
from regard.plan import plan_new
from regard.run import Run
from regard.tasks.base import Splits, build_task


def arguments(description: str, preset: str) -> argparse.ArgumentParser:
    """Return a parser with the options that every benchmark has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data", help="folder with the data sets; default: $REGARD_DATA, else ../shared/data")
    parser.add_argument("--out", required=True, help="folder for the run of seed 1; further seeds go to OUT/seeds")
    parser.add_argument("--preset", default=preset, help=f"default: {preset}")
    parser.add_argument("--seeds", type=int, default=1, help="trainings, with seeds 1, 2, ...; default: 1")
    parser.add_argument("--set", action="append", default=[], metavar="a.b=c", help="change a setting")
    return parser


def data_folder(given: str | None, name: str) -> Path:
    """Return the folder of a data set, or leave with a word if it is not there."""
    root = Path(given or os.environ.get("REGARD_DATA") or Path(__file__).parents[1] / ".." / "shared" / "data")
    if root.name == name and root.is_dir():
        return root.resolve()
    if not (root / name).is_dir():
        print(f"skipped: no folder {name} in {root} (name the data with --data or REGARD_DATA)")
        sys.exit(0)
    return (root / name).resolve()


def config_for(task: Values, args: argparse.Namespace, seed: int, preset: str = "") -> ExperimentConfig:
    """Return the settings of one training."""
    settings = over_preset(None, [*args.set, f"training.seed={seed}"])
    if (name := preset or args.preset) == "auto":
        return plan_new({"task": task}, settings).config
    return resolve({"task": task}, read_preset(name), settings)


def place(out: str, seed: int) -> Path:
    """Return the run folder of a seed."""
    return Path(out) if seed == 1 else Path(out) / "seeds" / str(seed)


def train(config: ExperimentConfig, folder: str | Path, splits: Splits | None = None) -> tuple[Run, float]:
    """Train into a new folder, or go on with the one that is there; return the run and the seconds it took."""
    out, started = Path(folder), time.perf_counter()
    splits = splits or build_task(config.task).splits()
    run = Run.open(out).changed(config) if (out / "config.toml").exists() else Run.create(out, config, splits, sys.argv)
    view = choose_view(quiet=False, as_json=False)
    try:
        run.train(splits, view)
    finally:
        view.close()
    return run, time.perf_counter() - started


def machine() -> dict[str, Any]:
    """Return what a figure depends on, besides the code."""
    import torch

    return {
        "date": date.today().isoformat(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "native kernels": native().instructions,
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def show(rows: Sequence[dict[str, Any]]) -> None:
    """Print the rows as a table, and below it the machine."""
    names = list(rows[0])
    print("| " + " | ".join(names) + " |\n|" + "---|" * len(names))
    for row in rows:
        print("| " + " | ".join(f"{v:.2f}" if isinstance(v, float) else str(v) for v in row.values()) + " |")
    print(json.dumps(machine()))


def conclude(out: str, rows: Sequence[dict[str, Any]]) -> None:
    """Print the rows and keep them, with the machine, in OUT/benchmark.json."""
    show(rows)
    write_json(Path(out) / "benchmark.json", {"machine": machine(), "rows": list(rows)})
