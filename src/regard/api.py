"""Training and evaluating from Python: the commands without the terminal."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regard.config import Values, read_toml
from regard.plan import plan_new, plan_resume
from regard.run import Run
from regard.training.progress import Quiet

if TYPE_CHECKING:
    from regard.evaluation.evaluate import Evaluation
    from regard.training.progress import Listener

Pairs = str | Path | tuple[str | Path, str | Path]
"""One TSV or JSONL, or two line-aligned files: sources and targets."""


def train(
    pairs: Pairs | None = None,
    *,
    valid: Pairs | None = None,
    out: str | Path | None = None,
    preset: str = "auto",
    config: str | Path | Mapping[str, Any] | None = None,
    resume: bool = False,
    listener: "Listener | None" = None,
    stop: Callable[[], bool] = lambda: False,
) -> Run:
    """Train a model and return its run, as `regard train` does.

    `config` is a TOML file or nested values, laid over the preset; it may name a task instead of `pairs`. With `resume`,
    the run in `out` goes on. `listener` hears of every step and validation; the training stops and saves when `stop`
    says so.
    Raises ConfigError or DataError before anything is made, TrainingError or ResourceError if training fails.
    """
    task = _task(pairs, valid)
    settings: Values = {} if config is None else dict(config) if isinstance(config, Mapping) else read_toml(config)
    place = None if out is None else Path(out)
    if resume and place is not None:
        plan = plan_resume(place, task, settings)
    else:
        plan = plan_new(task, settings, preset=preset, out=place)
    run = plan.start()
    run.train(plan.splits, listener or Quiet(), stop)
    return run


def evaluate(run: Run | str | Path, pairs: Pairs | None = None, *, split: str = "") -> "Evaluation":
    """Translate the sources of pairs and score the outputs, as `regard evaluate` does.

    Without `pairs`: the run's held-out pairs, or a `split` that its task makes (such as "test" of the phrasebook).
    Raises DataError if the pairs cannot be read.
    """
