"""A run in sentences: what page and card both say."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regard.report.run_files import RunFiles, Values, metric_title
from regard.report.words import count, counted, decimal, duration, large

JUDGED_BY_CHOICE = "The same pairs chose the best step, so on new text expect a little less."


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
        decoding = evaluation.get("decoding", {})
        beams = f" with {decoding['beams']} beams" if "beams" in decoding else ""
        how = f"Decoded by {decoding['kind']} search{beams}." if decoding else ""
        texts = evaluation.get("sentences", evaluation["pairs"])
        return Scores(evaluation["metrics"], evaluation["loss"], evaluation["perplexity"], texts, pairs, how)
    best = run.best
    if best is None:
        return None
    how = f"Decoded greedily at step {count(best['step'])}. {JUDGED_BY_CHOICE}"
    return Scores(best["metrics"], best["loss"], best["perplexity"], run.scored, "held-out pairs", how)


def opening(run: RunFiles, scores: Scores | None) -> str:
    """Return the run in three sentences: what it does, how well, and what that took."""
    return " ".join(filter(None, (f"{purpose(run)}.", _quality(run, scores), _cost(run))))


def purpose(run: RunFiles) -> str:
    """Say what the model does."""
    task = run.config["task"]
    name = Path(task.get("train", "")).name
    if run.languages:
        source, target = run.languages
    elif task["kind"] != "files":
        return f"Learns to {task['kind']}" if task["kind"] in ("copy", "reverse", "sort") else f"Task: {task['kind']}"
    elif task.get("train_target"):
        source, target = name, Path(task["train_target"]).name
    elif name.removesuffix(".gz").endswith((".jsonl", ".json")):
        source, target = (f"“{field}”" for field in task["fields"])
    else:
        source, target = (f"column {number}" for number in task["columns"])
    return f"Reads {source}, writes {target}"


def number(result: Values, digits: int = 1) -> str:
    """Return a score with its unit: "41.2", "20.6 %"."""
    return " ".join(filter(None, (decimal(result["value"], digits), result["unit"])))


def interval(result: Values, digits: int = 1) -> str:
    """Return the interval of a score in words, or nothing if there is none."""
    if not result.get("interval"):
        return ""
    return "{} to {}".format(*(decimal(end, digits) for end in result["interval"]))


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
