"""What the model wrote: sample sentences through the training, and those that went worst."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from regard.report.markup import Markup, joined, section, table, tag, user_text
from regard.report.run_files import RunFiles, metric_title
from regard.report.words import count, counted, decimal, stretch


def samples_section(run: RunFiles) -> Markup:
    """Return what became of the sample sentences from validation to validation."""
    if not run.samples:
        return Markup("")
    words = "Held-out sentences, decoded greedily at every validation. Underlined is what the reference has too."
    samples = (_sample(run, i) for i in range(len(run.samples[-1]["samples"])))
    return section("samples", "Sentences on their way", tag("p", words), *samples)


def _sample(run: RunFiles, i: int) -> Markup:
    """Return a sample sentence, with a row for every time that its output changed."""
    source, reference = (run.samples[-1]["samples"][i][key] for key in ("source", "reference"))
    outputs = [(line["step"], line["samples"][i]["now"]) for line in run.samples]
    rows = []
    for now, same in groupby(outputs, key=lambda each: each[1]):
        steps = [step for step, _ in same]
        rows.append([stretch(min(steps), max(steps)), user_text(matched(now, reference), "div")])
    course = table(f"Outputs for sentence {i + 1}, by step", ["Step", "Output"], rows)
    return tag("article", tag("h3", f"Sentence {i + 1}"), _texts(source, [reference]), course)


def matched(output: str, reference: str) -> Markup:
    """Return an output with those words marked that a reference has as well, each as often as it has them.

    Where the reference has no spaces, characters are compared.
    """
    if not output.strip():
        return tag("small", "(nothing)")
    spaced = " " in reference.strip()
    left = Counter(reference.split() if spaced else reference)
    parts: list[tuple[str, bool]] = []
    for unit in re.split(r"(\s+)", output) if spaced else output:
        found = left[unit] > 0
        left[unit] -= found
        parts.append((unit, found and not unit.isspace()))
    runs = (("".join(unit for unit, _ in same), found) for found, same in groupby(parts, key=lambda part: part[1]))
    return joined(tag("u", text) if found else text for text, found in runs)


def worst_section(evaluation: Mapping[str, Any] | None) -> Markup:
    """Return the sentences that went worst."""
    if evaluation is None or not evaluation["worst"]:
        return Markup("")
    metrics, items = evaluation["metrics"], []
    for sentence in evaluation["worst"]:
        place = [f"line {count(sentence['line'])}"] if sentence["line"] else []
        scores = (f"{metric_title(metrics[name])} {decimal(score, 1)}" for name, score in sentence["scores"].items())
        texts = _texts(sentence["source"], sentence["references"], sentence["output"])
        items.append(tag("li", tag("p", ", ".join((*place, *scores))), texts))
    words = f"The {counted(len(items), 'sentence')} with the lowest scores, the very worst first."
    return section("worst", "Weak spots", tag("p", words), tag("ol.sentences", *items))


def _texts(source: str, references: Sequence[str], output: str | None = None) -> Markup:
    named = {"Source": [source], "Reference": references, "Output": [] if output is None else [output]}
    parts = ((tag("dt", name), *(user_text(text, "dd") for text in texts)) for name, texts in named.items() if texts)
    return tag("dl", *(part for group in parts for part in group))
