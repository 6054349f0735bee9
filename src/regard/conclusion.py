"""What follows a training: its best model is measured, and the report and the model card are written."""

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from regard.data.pairs import Pair
from regard.errors import UnsupportedError
from regard.run import Run

if TYPE_CHECKING:
    from regard.evaluation.evaluate import Evaluation

T = TypeVar("T")

REPORTED = 500
"""Held-out sources that the report measures at most, so that it is there soon."""


def conclude(run: Run, pairs: Sequence[Pair], name: str = "held-out pairs") -> "Evaluation":
    """Measure the best model on pairs, and write the report and the model card of a finished run."""
    from regard.evaluation.evaluate import evaluate
    from regard.inference.translator import Translator
    from regard.inspection.measures import sharpest_map
    from regard.inspection.trace import trace_text
    from regard.report import write_model_card, write_report

    task, translator = run.config.task, Translator.load(run)
    found = evaluate(translator, pairs, metrics=task.metrics, pooled=task.pooled)
    maps = []
    with suppress(UnsupportedError):  # a family without encoder-decoder attention has nothing to draw
        maps = [sharpest_map(trace_text(translator, pair.source)) for pair in thinned(pairs, 3)]
    write_report(run.path, evaluation=found.to_json(), pairs=name, maps=maps)
    write_model_card(run.path, evaluation=found.to_json(), pairs=name)
    return found


def some_sources(pairs: Sequence[Pair], most: int = REPORTED) -> Sequence[Pair]:
    """Return all pairs of some of the sources, evenly spread: none loses an alternative."""
    chosen = set(thinned(list(dict.fromkeys(pair.source for pair in pairs)), most))
    return [pair for pair in pairs if pair.source in chosen]


def thinned(items: Sequence[T], most: int) -> Sequence[T]:
    """Return some of the items, evenly spread."""
    return items[:: -(-len(items) // most)]
