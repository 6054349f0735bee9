"""Whether the fast path learns as well as the simple one: Multi30k, equal updates, several seeds of both.

Fast: native kernels and bfloat16. Simple: plain PyTorch in float32, no native kernels. Each training is a process of
its own, and what counts is the mean over the seeds, on held-out pairs; test2016 is left alone.
"""

import math
import os
import subprocess
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from bench import arguments, conclude, data_folder
from multi30k import lines, scores, training_command
from regard.inference.translator import Translator
from regard.run import Run

PATHS = {
    "fast": ({}, "bfloat16"),
    "simple": ({"REGARD_NATIVE": "off"}, "float32"),
}
"""Environment and precision of either path."""


def trained(data: Path, out: Path, path: str, preset: str, settings: list[str]) -> Run:
    """Train in a process of its own, or take what is there already."""
    environment, precision = PATHS[path]
    if (out / "config.toml").exists() and Run.open(out).status()["state"] == "finished":
        return Run.open(out)
    settings = [f"training.precision={precision}", *settings]
    changed = [word for setting in settings for word in ("--set", setting)]
    command = training_command(data, out, "--preset", preset, *changed)
    subprocess.run(command, check=True, env=os.environ | environment)
    return Run.open(out)


def main() -> None:
    """Train with both paths and print a row for each, and how far their means are apart."""
    parser = arguments(__doc__ or "", "tiny")
    parser.add_argument("--steps", type=int, default=600, help="updates of each training; default: 600")
    args = parser.parse_args()
    data, rows = data_folder(args.data, "multi30k"), []
    sources, references = (lines(data / f"val.{side}.gz") for side in ("en", "de"))
    rounds = [f"training.{name}={args.steps}" for name in ("steps", "validate_every", "save_every")]
    for seed in range(1, args.seeds + 1):
        for path in PATHS:
            out = Path(args.out) if (path, seed) == ("fast", 1) else Path(args.out) / "others" / f"{path}-{seed}"
            run = trained(data, out, path, args.preset, [f"training.seed={seed}", *rounds, *args.set])
            outputs = [translation.text for translation in Translator.load(run.path).translate(sources)]
            best: dict[str, Any] = run.status()["best"]
            row = {"path": path, "seed": seed, "loss": best["loss"], **scores(outputs, references, "de", "val")}
            rows.append(row)
    conclude(args.out, rows)
    if args.seeds > 1:
        for figure in ("loss", "val paper-style"):
            fast, simple = ([row[figure] for row in rows if row["path"] == path] for path in PATHS)
            means, error = (mean(fast), mean(simple)), math.hypot(stdev(fast), stdev(simple)) / math.sqrt(args.seeds)
            print(f"{figure}: fast {means[0]:.4f}, simple {means[1]:.4f}, standard error of the difference {error:.4f}")


if __name__ == "__main__":
    main()
