"""Smaller parts of the page: warnings, attention, how to go on, and settings."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from regard.inspection.maps import AttentionMap
from regard.report.heatmap import heatmap
from regard.report.markup import Markup, folded, section, table, tag, user_text
from regard.report.run_files import RunFiles
from regard.report.words import counted, size, stretch

FILES = {
    "best": "the model with the best weights: what translate and evaluate take",
    "averaged": "the model with the mean of the last weights",
    "last": "the model as training left it, and what resuming needs",
    "tokenizer": "the tokenizers, learnt from the training pairs",
    "config.toml": "all settings, defaults included",
    "data_report.json": "what was read, kept and left out, with line numbers",
    "valid.jsonl": "the held-out pairs",
    "metrics.jsonl": "every number of the training",
    "samples.jsonl": "the sample sentences at every validation",
    "README.md": "the model card",
}


def warnings_section(run: RunFiles) -> Markup:
    """Return what looked wrong on the way, each warning once."""
    if not run.warnings:
        return Markup("")
    items = (tag("li", f"{text} ", tag("small", _when(steps))) for text, steps in run.warnings.items())
    return section("warnings", "Warnings", tag("ul", *items))


def _when(steps: Sequence[int]) -> str:
    times = f", {counted(len(steps), 'time')}" if len(steps) > 1 else ""
    return f"(step {stretch(min(steps), max(steps))}{times})"


def attention_section(maps: Sequence[AttentionMap]) -> Markup:
    """Return attention maps, each with the sentence that says what it is not."""
    if not maps:
        return Markup("")
    words = "A row is a token that was written; its shades show which source tokens were read for it."
    return section("attention", "Attention", tag("p", words), *map(heatmap, maps))


def next_section(run: RunFiles) -> Markup:
    """Return commands to go on with, ready to be copied, and what the files are."""
    commands = (tag("li", words, tag("pre", tag("code", command))) for words, command in next_commands(run).items())
    rows = [[tag("code", name), words, _size(run.path / name)] for name, words in FILES.items()]
    files = table("Files of the run", ["File", "What it is", "Size"], [row for row in rows if row[2]])
    return section("next", "Next", tag("ul.commands", *commands), files)


def next_commands(run: RunFiles) -> dict[str, str]:
    """Return three commands by what they are good for."""
    path, held_out = shlex.quote(str(run.path)), shlex.quote(str(run.path / "valid.jsonl"))
    steps = 2 * run.config["training"]["steps"]
    return {
        "Translate a file, line by line": f"regard translate {path} FILE",
        "Measure it on pairs, here those held out": f"regard evaluate {path} {held_out}",
        "Train on, for twice the steps": f"regard train --resume --out {path} --steps {steps}",
    }


def _size(path: Path) -> str:
    """Return the size of a file or of all files in a folder; nothing if it is not there."""
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return size(sum(file.stat().st_size for file in files)) if files else ""


def settings_section(run: RunFiles) -> Markup:
    """Return all settings, folded away."""
    text = (run.path / "config.toml").read_text(encoding="utf-8")
    facts = [[name, user_text(str(value))] for name, value in {**run.environment, **run.choices}.items()]
    machine = table("Machine and libraries", ["What", "Which"], facts)
    settings = tag("pre", tag("code", text))
    return section("settings", "Settings", folded("config.toml", settings), folded("Machine and libraries", machine))
