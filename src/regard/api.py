"""Training and evaluating from Python: the commands without the terminal."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from regard.conclusion import conclude, some_sources
from regard.config import Values, read_toml
from regard.data.pairs import PairFiles, read_pairs
from regard.errors import ConfigError
from regard.evaluation.evaluate import Evaluation
from regard.evaluation.evaluate import evaluate as evaluate_pairs
from regard.plan import plan_new, plan_resume
from regard.run import Run
from regard.tasks.files import task_settings
from regard.training.progress import Listener, Quiet

Pairs = PairFiles | str | Path | tuple[str | Path, str | Path]
"""One TSV or JSONL, two line-aligned files (sources, targets), or PairFiles with columns or fields named."""


def train(  # noqa: PLR0913 - all but the pairs are named
    pairs: Pairs | None = None,
    *,
    valid: Pairs | None = None,
    out: str | Path | None = None,
    preset: str = "auto",
    config: str | Path | Mapping[str, Any] | None = None,
    resume: bool = False,
    device: str | None = None,
    listener: Listener | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Run:
    """Train a model and return its run, as `regard train` does.

    The run folder then holds `report.html` and a model card too. `config` is a TOML file or nested values, laid over
    the preset; it may name a task instead of `pairs`. With `resume`, the run in `out` goes on, or begins if there is
    none. `listener` hears of every step and validation; the training stops and saves when `stop` says so.
    Raises ConfigError or DataError before anything is made, TrainingError or ResourceError if training fails.
    """
    task = {"task": task_settings(_files(pairs), None if valid is None else _files(valid))} if pairs else {}
    settings: Values = {} if config is None else dict(config) if isinstance(config, Mapping) else read_toml(config)
    place = None if out is None else Path(out)
    if resume and place is None:
        raise ConfigError("which run is to go on?", where="resume", hint="name it with out=...")
    if resume and place is not None and place.exists():
        plan = plan_resume(place, task, settings)
    else:
        plan = plan_new(task, settings, preset=preset, out=place)
    run = plan.start()
    run.train(plan.splits, listener or Quiet(), stop, device)
    conclude(run, some_sources(plan.splits.valid))
    return run


def evaluate(run: Run | str | Path, pairs: Pairs | None = None) -> Evaluation:
    """Translate the sources of pairs, or of the run's held-out pairs, and score the outputs as `regard evaluate` does.

    Raises DataError if the pairs cannot be read, CheckpointError if the run has no model.
    """
    run = run if isinstance(run, Run) else Run.open(run)
    held_out = PairFiles(path=str(run.path / "valid.jsonl"))
    read = read_pairs(held_out if pairs is None else _files(pairs))
    return evaluate_pairs(run.path, read, metrics=run.config.task.metrics, pooled=run.config.task.pooled)


def _files(pairs: Pairs) -> PairFiles:
    if isinstance(pairs, PairFiles):
        return pairs
    if isinstance(pairs, tuple):
        return PairFiles(source=str(pairs[0]), target=str(pairs[1]))
    return PairFiles(path=str(pairs))
