"""How good a translator is after so many minutes: `regard train --budget` on Multi30k, from process start.

Each training is a command of its own, as a user would give it. Seconds run from its start to its last saved model; the
report that follows does not count.
"""

import os
import subprocess
import time
from pathlib import Path
from statistics import mean
from typing import Any

from bench import arguments, conclude, data_folder
from multi30k import lines, scores, training_command
from regard.cli.train import duration_given
from regard.inference.translator import Translator
from regard.run import Run


def trained(data: Path, out: Path, budget: str, seed: int, more: list[str]) -> tuple[Run, float]:
    """Train for so long in a process of its own; return the run and the seconds it took."""
    command = training_command(data, out, "--budget", budget, "--set", f"training.seed={seed}", *more)
    started = time.time()
    subprocess.run(command, check=True, env=os.environ | {"PYTHONUNBUFFERED": "1"})
    return Run.open(out), (out / "status.json").stat().st_mtime - started


def main() -> None:
    """Train for every budget and seed, and print a row for each."""
    parser = arguments(__doc__ or "", "auto")
    parser.add_argument("--budgets", nargs="+", default=["5m", "10m"], help="default: 5m 10m")
    parser.add_argument("--val-only", action="store_true", help="leave test2016 alone, as while choosing settings")
    args = parser.parse_args()
    data, rows = data_folder(args.data, "multi30k"), []
    for budget in args.budgets:
        for seed in range(1, args.seeds + 1):
            more = ["--preset", args.preset, *(word for setting in args.set for word in ("--set", setting))]
            run, seconds = trained(data, Path(args.out) / budget / str(seed), budget, seed, more)
            model, status = run.config.model, run.status()
            row: dict[str, Any] = {"budget s": duration_given(budget), "seed": seed, "seconds": seconds}
            row |= {"steps": status["step"], "layers": model.encoder_layers, "d_model": model.d_model}
            translator = Translator.load(run.path)
            for split in ("val",) if args.val_only else ("val", "test_2016_flickr"):
                sources, references = (lines(data / f"{split}.{side}.gz") for side in ("en", "de"))
                outputs = [translation.text for translation in translator.translate(sources)]
                row |= scores(outputs, references, "de", split.removesuffix("_flickr").replace("_", ""))
            rows.append(row)
    conclude(args.out, rows)
    for seconds in dict.fromkeys(row["budget s"] for row in rows):
        for split in ("val",) if args.val_only else ("val", "test2016"):
            found = [row[f"{split} paper-style"] for row in rows if row["budget s"] == seconds]
            print(f"{seconds:.0f} s, {split}: {mean(found):.2f} paper-style, the mean of {len(found)}")


if __name__ == "__main__":
    main()
