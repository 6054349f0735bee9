"""What to measure models on: the pairs that were named, or those that their run held out."""

from collections.abc import Sequence
from pathlib import Path

from regard.data.pairs import Pair, PairFiles, read_pairs
from regard.errors import ConfigError, UsageError
from regard.metrics import METRICS
from regard.run import Run
from regard.tasks.base import build_task

METRICS_OF_A_MODEL = ("bleu", "chrf")
"""For a model folder that lies in no run."""


def run_of(path: str) -> Run | None:
    """Return the run that a path is, or that a model folder lies in; None if there is none.

    Raises CheckpointError if the run is damaged.
    """
    here = Path(path).absolute()
    found = next((folder for folder in (here, here.parent) if (folder / "status.json").is_file()), None)
    return Run.open(found) if found else None


def chosen_metrics(names: str | None, run: Run | None) -> tuple[str, ...]:
    """Return the metrics of `--metrics a,b`, or else those of the run's task."""
    if names is None:
        return run.config.task.metrics if run else METRICS_OF_A_MODEL
    chosen = tuple(name.strip() for name in names.split(","))
    for name in chosen:
        try:
            METRICS[name]
        except ConfigError as error:
            raise UsageError(error.problem, where="--metrics", hint=error.hint) from None
    return chosen


def held_out(run: Run | None, path: str, split: str = "valid") -> Sequence[Pair]:
    """Return the pairs that a run held out, or the test split of its task.

    Raises UsageError if there is no run or its task has no test split.
    """
    if run is None:
        raise UsageError("which pairs? this is a model without its run", where=path, hint="name a file of pairs")
    if split == "test":
        if not (pairs := build_task(run.config.task).splits().test):
            hint = "name a file of pairs"
            raise UsageError(f"the task {run.config.task.kind!r} has no test split", where="--split", hint=hint)
        return pairs
    return read_pairs(PairFiles(str(run.path / "valid.jsonl")))
