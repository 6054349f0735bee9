"""A run in sentences: what page and card both say."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from regard.report.run_files import RunFiles, Values, metric_title
from regard.report.words import count, counted, decimal, duration, large

HELD_OUT = "held-out pairs"
CHOSEN_BY_THEM = "The same pairs chose the best step, so on new text expect a little less."


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores and what they are of."""

    metrics: Mapping[str, Values]  # as MetricResult has it, by name
    loss: float | None  # nats per target token
    perplexity: float | None
    texts: int
    of: str  # "held-out pairs"
    how: str  # how the texts were decoded, and what to keep in mind


def scores_of(run: RunFiles, evaluation: Mapping[str, Any] | None, pairs: str) -> Scores | None:
    """Return the scores of an evaluation on such pairs, else those of the best validation, or None without either."""
    if evaluation is not None:
        decoding = evaluation["decoding"]
        beams = f" with {decoding['beams']} beams" if "beams" in decoding else ""
        how = f"Decoded by {decoding['kind']} search{beams}.{f' {CHOSEN_BY_THEM}' if pairs == HELD_OUT else ''}"
        loss, perplexity, texts = (evaluation[key] for key in ("loss", "perplexity", "sentences"))
        return Scores(evaluation["metrics"], loss, perplexity, texts, pairs, how)
    best = run.best
    if best is None:
        return None
    how = f"Decoded greedily at step {count(best['step'])}. {CHOSEN_BY_THEM}"
    return Scores(best["metrics"], best["loss"], best["perplexity"], run.scored, HELD_OUT, how)


def opening(run: RunFiles, scores: Scores | None) -> str:
    """Return the run in three sentences: what it does, how well, and what that took."""
    return " ".join(filter(None, (f"{purpose(run)}.", _quality(run, scores), _cost(run))))


def purpose(run: RunFiles) -> str:
    """Say what the model does."""
    task, name = run.config["task"], run.file("train")
    if run.languages:
        source, target = run.languages
    elif task["kind"] != "files":
        return f"Learns to {task['kind']}" if task["kind"] in ("copy", "reverse", "sort") else f"Task: {task['kind']}"
    elif run.file("train_target"):
        source, target = name, run.file("train_target")
    elif name.removesuffix(".gz").endswith((".jsonl", ".ndjson", ".json")):
        source, target = (f"“{field}”" for field in task["fields"] or ("source", "target"))
    else:
        source, target = (f"column {number}" for number in task["columns"] or (1, 2))
    return f"Reads {source}, writes {target}"


def number(result: Values, digits: int = 1) -> str:
    """Return a score with its unit: "41.2", "20.6 %"."""
    return " ".join(filter(None, (decimal(result["value"], digits), result["unit"])))


def interval(result: Values, digits: int = 1) -> str:
    """Return the interval of a score in words; nothing if there is none, or none with a width: that says nothing."""
    low, high = result["interval"] or (0.0, 0.0)
    return "" if low == high else f"{decimal(low, digits)} to {decimal(high, digits)}"


def _quality(run: RunFiles, scores: Scores | None) -> str:
    if scores is None:
        return "Not validated yet."
    result = scores.metrics.get(run.main_metric) or next(iter(scores.metrics.values()))
    within = f" (95 % interval {interval(result)})" if interval(result) else ""
    return f"{number(result)} {metric_title(result)}{within} on {count(scores.texts)} {scores.of}."


def _cost(run: RunFiles) -> str:
    parameters, threads = run.parameters(), run.choices.get("threads")
    size = f"{large(parameters)} parameters" if parameters else ""
    device = run.choices.get("device", "cpu")
    where = f" on {counted(threads, 'core')}" if threads and device == "cpu" else f" on {device}"
    time = f"{duration(run.seconds)}{where}" if run.seconds else ""
    return f"{', '.join(filter(None, (size, time)))}." if size or time else ""
