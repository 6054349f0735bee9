"""How the training went: curves and the tables behind them."""

from collections.abc import Callable, Sequence
from functools import reduce
from operator import getitem

from regard.report.charts import Series, line_chart
from regard.report.markup import Markup, folded, section, table, tag
from regard.report.run_files import RunFiles, Values, metric_title
from regard.report.words import count, counted, decimal, listed, scientific

TABLE_ROWS = 40
"""Of a table of steps, at most; they are taken evenly from all."""


def curves_section(run: RunFiles) -> Markup:
    """Return losses and metrics over the steps with the best step marked; speed and learning rate folded away."""
    if not run.validations:
        return section("curves", "Training", tag("p", "There was no validation yet."))
    charts = tag("div.charts", _losses(run), _metrics(run))
    return section("curves", "Training", tag("p", _course(run)), charts, _validations(run), _speed(run))


def _course(run: RunFiles) -> str:
    last, best = run.validations[-1], run.best
    epochs = max(event["epoch"] for event in run.validations)
    words = f"{count(last['step'])} steps, {counted(epochs, 'pass', 'passes')} through the pairs."
    if best is None:
        return words
    by = "loss" if run.chosen_by == "loss" else metric_title(best["metrics"][run.chosen_by])
    which = "the averaged weights" if best["event"] == "averaged" else f"step {count(best['step'])}"
    return f"{words} The best by {by} are those of {which}: these weights were kept."


def _plain(run: RunFiles) -> list[Values]:
    return [event for event in run.validations if event["event"] == "validation"]


def _marked(run: RunFiles) -> tuple[float | None, str]:
    best = run.best
    return (None, "") if best is None else (float(best["step"]), f"best: {count(best['step'])}")


def _losses(run: RunFiles) -> Markup:
    lines = [
        _over_steps("training", _plain(run), "train_loss"),
        _over_steps("held out", _plain(run), "loss"),
    ]
    return line_chart("Loss, nats per target token", lines, *_marked(run))


def _metrics(run: RunFiles) -> Markup:
    titles = {name: metric_title(result) for name, result in run.validations[0]["metrics"].items()}
    lines = [_over_steps(title, _plain(run), "metrics", name, "value") for name, title in titles.items()]
    title = f"{listed(list(titles.values()))}, of 100"
    return line_chart(title[0].upper() + title[1:], lines, *_marked(run))


def _over_steps(name: str, events: Sequence[Values], *path: str) -> Series:
    """Return the line of the number that lies at the end of a path of keys."""
    return Series(name, [(float(event["step"]), float(reduce(getitem, path, event))) for event in events])  # type: ignore[arg-type]


def _validations(run: RunFiles) -> Markup:
    titles = [metric_title(result) for result in run.validations[0]["metrics"].values()]
    heads = ["Step", "Pass", "Training loss", "Held-out loss", "Perplexity", *titles, "Tokens per second", ""]
    rows = [_validation(event, event is run.best) for event in run.validations]
    return folded(f"All {counted(len(rows), 'validation')}", table("Validations", heads, rows))


def _validation(event: Values, best: bool) -> list[str]:
    measured = event["event"] == "validation"  # the validation of averaged weights follows on no training
    epoch, train_loss, speed = (
        (count(event["epoch"]), decimal(event["train_loss"], 3), decimal(event["tokens_per_second"], 0))
        if measured
        else ("–", "–", "–")
    )
    scores = (decimal(value) for value in (event["perplexity"], *(r["value"] for r in event["metrics"].values())))
    note = ", ".join(filter(None, ("" if measured else event["event"], "best" if best else "")))
    return [count(event["step"]), epoch, train_loss, decimal(event["loss"], 3), *scores, speed, note]


COLUMNS: tuple[tuple[str, str, Callable[[float], str]], ...] = (
    ("tokens_per_second", "Target tokens per second", lambda value: decimal(value, 0)),
    ("rate", "Learning rate", scientific),
    ("gradient_norm", "Gradient norm", decimal),
    ("padding", "Padding, share of target places", decimal),
)
"""Of the journal's steps: key, title, and how a value is written."""


def _speed(run: RunFiles) -> Markup:
    steps = run.steps
    if not steps:
        return Markup("")
    charts = (line_chart(title, [_over_steps(title, steps, key)]) for key, title, _ in COLUMNS)
    every = -(-len(steps) // TABLE_ROWS)
    rows = [[count(event["step"]), *(write(event[key]) for key, _, write in COLUMNS)] for event in steps[::every]]
    numbers = table("Steps", ["Step", *(title for _, title, _ in COLUMNS)], rows)
    return folded("Speed and learning rate", tag("div.charts", *charts), numbers)
