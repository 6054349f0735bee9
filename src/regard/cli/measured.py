"""What models are measured on: the pairs and metrics that were named, or those of their run."""

from collections.abc import Sequence

from regard.data.pairs import Pair, PairFiles, read_pairs
from regard.errors import ConfigError, DataError, MissingExtraError, UsageError
from regard.metrics import METRICS, USUAL_METRICS
from regard.run import Run
from regard.tasks.base import build_task


def chosen_metrics(names: str | None, run: Run | None) -> tuple[str, ...]:
    """Return the metrics of `--metrics a,b`, or else those of the run's task.

    Raises UsageError if there is no such metric.
    """
    if names is None:
        return run.config.task.metrics if run else USUAL_METRICS
    chosen = tuple(name.strip() for name in names.split(","))
    for name in chosen:
        try:
            METRICS[name]
        except ConfigError as error:
            raise UsageError(error.problem, where="--metrics", hint=error.hint) from None
    return chosen


def with_all_others(names: Sequence[str]) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return these metrics and every other one whose package is installed; and why others cannot be."""
    others, missing = [], {}
    for name in sorted(METRICS.keys() - set(names)):
        try:
            METRICS[name]()
            others.append(name)
        except MissingExtraError as error:
            missing[name] = f"{error.problem} ({error.hint})"
    return (*names, *others), missing


def held_out(run: Run | None, path: str) -> list[Pair]:
    """Return the pairs that the run at `path` held out.

    Raises UsageError if there is no run, DataError if it has lost them.
    """
    if run is None:
        raise UsageError("which pairs? it lies in no run", where=path, hint="name a file of pairs")
    return read_pairs(PairFiles(str(run.path / "valid.jsonl")))


def own_test_pairs(run: Run | None, path: str) -> Sequence[Pair]:
    """Return the test pairs of the task of the run at `path`.

    Raises UsageError if there are none.
    """
    if run is None:
        raise UsageError("which pairs? it lies in no run", where=path, hint="name a file of pairs")
    if not (pairs := build_task(run.config.task).splits().test):
        problem = f"the task {run.config.task.kind!r} has no test pairs"
        raise UsageError(problem, where=path, hint="name a file of pairs")
    return pairs


def held_out_by_both(first: Run, second: Run) -> tuple[list[Pair], str]:
    """Return the pairs that the first run held out, and a warning if the second may have learnt from them.

    Raises DataError if it has.
    """
    pairs = held_out(first, str(first.path))
    if _texts(pairs) == _texts(held_out(second, str(second.path))):
        return pairs, ""
    try:
        learnt = {pair.source for pair in second.splits().train}
    except DataError as error:
        return pairs, f"{second.path} held out other pairs; it may have learnt from these ({error.problem})"
    if known := sum(pair.source in learnt for pair in pairs):
        problem = f"learnt from {known:,} of the {len(pairs):,} sources that {first.path} held out"
        raise DataError(problem, where=str(second.path), hint="compare on pairs that are new to both: --test PAIRS")
    return pairs, ""


def _texts(pairs: Sequence[Pair]) -> set[tuple[str, ...]]:
    return {(pair.source, pair.target, *pair.others) for pair in pairs}
