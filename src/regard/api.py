"""Training and evaluating from Python: the commands without the terminal."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from regard.conclusion import conclude, some_sources
from regard.config import Values, read_toml
from regard.data.pairs import PairFiles, read_pairs
from regard.errors import ConfigError
from regard.evaluation.evaluate import Evaluation
from regard.evaluation.evaluate import evaluate as evaluate_pairs
from regard.metrics import USUAL_METRICS
from regard.model_folder import ModelFolder
from regard.plan import plan_new, plan_resume
from regard.run import Run, run_of
from regard.tasks.files import task_settings
from regard.training.progress import Listener, Quiet

Pairs = PairFiles | str | Path | tuple[str | Path, str | Path]
"""One TSV or JSONL, two line-aligned files (sources, targets), or PairFiles with columns or fields named."""


def train(  # noqa: PLR0913 - all but the pairs are named
    pairs: Pairs | None = None,
    *,
    valid: Pairs | None = None,
    out: str | Path | None = None,
    origin: str | Path | None = None,
    preset: str = "auto",
    config: str | Path | Mapping[str, Any] | None = None,
    resume: bool = False,
    device: str | None = None,
    listener: Listener | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Run:
    """Train a model and return its run, as `regard train` does.

    The run folder then holds `report.html` and a model card too. `config` is a TOML file or nested values, laid over
    the preset; it may name a task instead of `pairs`. With `origin`, a run or model folder, it goes on from that model.
    With `resume`, the run in `out` goes on, or begins if there is none. `listener` hears of every step and validation;
    the training stops and saves when `stop` says so.
    Raises ConfigError or DataError with nothing left behind, TrainingError or ResourceError if training fails.
    """
    if pairs is None and valid is not None:
        raise ConfigError(
            "goes with pairs alone", where="valid", hint="name it as task.valid, as config names the task"
        )
    began = time.monotonic()
    task = {"task": task_settings(_files(pairs), None if valid is None else _files(valid))} if pairs else {}
    settings: Values = {} if config is None else dict(config) if isinstance(config, Mapping) else read_toml(config)
    place = None if out is None else Path(out)
    if resume and place is None:
        raise ConfigError("which run is to go on?", where="resume", hint="name it with out=...")
    if resume and place is not None and place.exists():
        if origin is not None:
            raise ConfigError("a run goes on from itself", where="origin", hint="leave it out, or start anew")
        if preset != "auto":
            raise ConfigError("a run has its settings already", where="preset", hint="leave it out, or start anew")
        plan = plan_resume(place, task, settings)
    else:
        model = None if origin is None else ModelFolder.open(origin)
        plan = plan_new(task, settings, preset=preset, out=place, origin=model)
    run = plan.start()
    with plan.kept_if_usable(run):
        run.train(plan.splits, listener or Quiet(), stop, device, began)
    conclude(run, some_sources(plan.splits.valid))
    return run


def evaluate(run: Run | str | Path, pairs: Pairs | None = None) -> Evaluation:
    """Translate the sources of pairs, or of the run's held-out pairs, and score the outputs as `regard evaluate` does.

    `run` may be a model folder too. Raises DataError if the pairs cannot be read, CheckpointError if there is no model.
    """
    of = run_of(run)
    if of is None and pairs is None:
        raise ConfigError("which pairs? it lies in no run", where=str(Path(run)), hint="name a file of pairs")
    read = read_pairs(_files(pairs) if pairs is not None else PairFiles(str(of.path / "valid.jsonl")))  # type: ignore[union-attr]
    metrics, pooled = (of.config.task.metrics, of.config.task.pooled) if of else (USUAL_METRICS, False)
    return evaluate_pairs(Path(run), read, metrics=metrics, pooled=pooled)


def _files(pairs: Pairs) -> PairFiles:
    if isinstance(pairs, PairFiles):
        return pairs
    if isinstance(pairs, tuple):
        return PairFiles(source=str(pairs[0]), target=str(pairs[1]))
    return PairFiles(path=str(pairs))
