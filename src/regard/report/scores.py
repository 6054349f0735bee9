"""How good the model is: scores with intervals, on all texts and by their length."""

from collections.abc import Mapping
from typing import Any

from regard.report.charts import Bar, interval_chart
from regard.report.markup import Markup, folded, section, table, tag
from regard.report.run_files import metric_title
from regard.report.story import Scores, interval, number
from regard.report.words import count, decimal, stretch


def scores_section(scores: Scores | None) -> Markup:
    """Return every score with its interval and the signature that says how it was computed."""
    if scores is None:
        return Markup("")
    rows = [
        [metric_title(result), number(result, 2), interval(result, 2) or "–", tag("code", result["signature"])]
        for result in scores.metrics.values()
    ]
    loss = f"Loss {decimal(scores.loss, 3)} nats per target token, perplexity {decimal(scores.perplexity)}."
    words = f"On {count(scores.texts)} {scores.of}. {loss} {scores.how}"
    numbers = table(f"Scores on {scores.of}", ["Metric", "Score", "95 % interval", "Signature"], rows)
    return section("scores", "Scores", tag("p", words), numbers)


def buckets_section(evaluation: Mapping[str, Any] | None) -> Markup:
    """Return quality by length of the source."""
    if evaluation is None or not evaluation["buckets"]:
        return Markup("")
    buckets, titles = evaluation["buckets"], [metric_title(result) for result in evaluation["metrics"].values()]
    names = [stretch(bucket["shortest"], bucket["longest"]) for bucket in buckets]
    values = [next(iter(bucket["metrics"].values())) for bucket in buckets]  # of the first metric
    bars = [Bar(name, value["value"], value["interval"]) for name, value in zip(names, values, strict=True)]
    chart = interval_chart(f"{titles[0]} by source length in tokens, with 95 % intervals", bars)
    rows = [
        [name, count(bucket["sentences"]), *map(_with_interval, bucket["metrics"].values())]
        for name, bucket in zip(names, buckets, strict=True)
    ]
    numbers = table("Scores by source length", ["Source tokens", "Sentences", *titles], rows)
    return section("lengths", "Short and long", tag("div.charts", chart), folded("As a table", numbers))


def _with_interval(value: Mapping[str, Any]) -> str:
    words = interval(value)
    return f"{decimal(value['value'], 1)} ({words})" if words else decimal(value["value"], 1)
