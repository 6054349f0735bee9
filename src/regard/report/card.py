"""README.md of a run: the model card, in the form that model hubs read."""

import json
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from regard import __version__
from regard.files import write_text
from regard.report.data import HEADS, held_out_rows, training_rows
from regard.report.run_files import RunFiles, metric_title
from regard.report.story import HELD_OUT, Scores, interval, number, opening, scores_of
from regard.report.words import count, decimal, size

LICENCE = """\
> **Licence: not chosen yet.** Before you share this model, fill in `license` at the top of this file. What the licence
> of the training pairs allows counts too.
"""

LIMITS = """\
- It knows what its training pairs show and nothing else: other subjects, styles or spellings may come out wrong.
- It can leave things out and make things up, fluently. Let someone who reads both sides check what matters.
- Whatever the pairs hold, mistakes and prejudice too, it has learnt.
"""


def write_model_card(run: Path, *, evaluation: Mapping[str, Any] | None = None, pairs: str = HELD_OUT) -> Path:
    """Write README.md into a run folder and return its path.

    `evaluation` is what `Evaluation.to_json` gives, and `pairs` says of what.
    Raises CheckpointError if the folder is no run, ResourceError if the disk is full.
    """
    write_text(run / "README.md", card(RunFiles.read(run), evaluation, pairs))
    return run / "README.md"


def card(run: RunFiles, evaluation: Mapping[str, Any] | None, pairs: str) -> str:
    """Return the card as Markdown with its metadata in front."""
    scores = scores_of(run, evaluation, pairs)
    parts = [
        _front_matter(run, scores),
        f"# {_text(run.name)}\n\n{_text(opening(run, scores))}\n",
        LICENCE,
        f"## Data\n\n{_data(run)}",
        "" if scores is None else f"## Scores\n\n{_scores(scores)}",
        f"## Sizes\n\n{_table(['', ''], _sizes(run))}",
        f"## Limits\n\n{LIMITS}{_longest(run)}",
        f"## How to use it\n\n{_use(run)}",
        f"Made by regard {__version__}.\n",
    ]
    return "\n".join(filter(None, parts))


def _front_matter(run: RunFiles, scores: Scores | None) -> str:
    """Return YAML; its texts are written as JSON, which YAML includes."""
    lines = ["---"]
    if run.languages:
        lines += ["language:", *(f"- {re.split('[-_]', language)[0]}" for language in run.languages)]
    lines += ["license: unknown  # not chosen yet: fill in", "library_name: regard"]
    tags = ["translation"] if run.languages else ["text2text-generation"]
    lines += ["tags:", *(f"- {name}" for name in (*tags, run.config["model"]["kind"]))]
    if scores is not None:
        lines += ["metrics:", *(f"- {name}" for name in scores.metrics)]
        lines += ["model-index:", f"- name: {json.dumps(run.name)}", "  results:", f"  - task: {{type: {tags[0]}}}"]
        lines += [f"    dataset: {{name: {json.dumps(scores.of)}, type: {json.dumps(scores.of)}}}", "    metrics:"]
        lines += [
            f"    - {{type: {name}, name: {json.dumps(metric_title(result))}, value: {result['value']:.2f}}}"
            for name, result in scores.metrics.items()
        ]
    return "\n".join([*lines, "---", ""])


def _data(run: RunFiles) -> str:
    rows = [*training_rows(run), ("**to measure on**", "", ""), *held_out_rows(run)]
    return f"{_table(HEADS, rows)}\nSHA-256 of all pairs, in order: `{run.data.get('fingerprint', 'not known')}`\n"


def _scores(scores: Scores) -> str:
    rows = [
        [metric_title(result), number(result, 2), interval(result, 2) or "–", f"`{result['signature']}`"]
        for result in scores.metrics.values()
    ]
    numbers = _table(["Metric", "Score", "95 % interval", "Signature"], rows)
    loss = f"Loss {decimal(scores.loss, 3)} nats per target token, perplexity {decimal(scores.perplexity)}."
    return f"On {count(scores.texts)} {scores.of}. {loss} {scores.how}\n\n{numbers}"


def _sizes(run: RunFiles) -> Iterator[Sequence[str]]:
    """Yield what is large or small about the model and its training."""
    if run.tensors:
        yield "Parameters", count(run.parameters())
        yield "without embeddings", count(run.parameters(embeddings=False))
        yield "Weights on disk", size((run.path / "best" / "model.safetensors").stat().st_size)
    model = run.config["model"]
    for key in ("kind", "encoder_layers", "decoder_layers", "d_model", "d_ff", "heads"):
        if key in model:
            yield f"`{key}`", str(model[key])
    training = run.config["training"]
    yield "Steps", f"{count(run.status.get('step', 0))} of {count(training['steps'])}, seed {training['seed']}"


def _longest(run: RunFiles) -> str:
    text = run.config["text"]
    sizes = f"{count(text['longest_source'])} tokens to read and {count(text['longest_target'])} to write"
    fate = "cut" if text["over_long"] == "cut" else "split, sentence by sentence if that will do"
    return f"- It was trained on texts of at most {sizes}; longer ones are {fate}.\n"


def _use(run: RunFiles) -> str:
    path = shlex.quote(str(run.path))
    commands = (
        f"regard translate {path} FILE        # one line in, one line out",
        f"regard evaluate {path} PAIRS        # every metric with its interval",
        f"regard info {path}                  # what it is and where it comes from",
    )
    return "```sh\n" + "\n".join(commands) + "\n```\n"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(map(_cell, line))} |\n" for line in lines)


def _cell(words: str) -> str:
    return words.replace("|", r"\|")


def _text(words: str) -> str:
    """Return a text without characters that Markdown or HTML would obey."""
    return re.sub(r"([\\`*_<>\[\]#|&])", r"\\\1", words)
