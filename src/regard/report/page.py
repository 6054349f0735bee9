"""report.html: a run on one page that needs nothing but itself."""

from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from regard import __version__
from regard.files import write_text
from regard.inspection.maps import AttentionMap
from regard.report.curves import curves_section
from regard.report.data import data_section
from regard.report.markup import Markup, joined, tag, user_text
from regard.report.run_files import RunFiles
from regard.report.scores import buckets_section, scores_section
from regard.report.sections import attention_section, next_section, settings_section, warnings_section
from regard.report.sentences import samples_section, worst_section
from regard.report.story import HELD_OUT, opening, scores_of

POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""What a browser may load for the page: nothing."""


def write_report(
    run: Path,
    *,
    evaluation: Mapping[str, Any] | None = None,
    pairs: str = HELD_OUT,
    maps: Sequence[AttentionMap] = (),
) -> Path:
    """Write report.html into a run folder and return its path.

    `evaluation` is what `Evaluation.to_json` gives, and `pairs` says of what; `maps` are of sample sentences.
    Raises CheckpointError if the folder is no run, ResourceError if the disk is full.
    """
    page = report(RunFiles.read(run), evaluation, pairs, maps)
    write_text(run / "report.html", page)
    return run / "report.html"


def report(run: RunFiles, evaluation: Mapping[str, Any] | None, pairs: str, maps: Sequence[AttentionMap]) -> Markup:
    """Return the page."""
    scores = scores_of(run, evaluation, pairs)
    sections = [
        warnings_section(run),
        data_section(run),
        curves_section(run),
        scores_section(scores),
        buckets_section(evaluation),
        samples_section(run),
        worst_section(evaluation),
        attention_section(maps),
        next_section(run),
        settings_section(run),
    ]
    header = tag("header", user_text(run.name, "h1"), tag("p.opening", opening(run, scores)), _state(run))
    footer = tag("footer", tag("p", f"Made by regard {__version__}. This page loads nothing from anywhere."))
    return _document(f"{run.name}: report", tag("main", header, *sections, footer))


def _state(run: RunFiles) -> Markup:
    """Return how the run ended, unless it simply finished."""
    state = run.status.get("state")
    if state == "finished":
        return Markup("")
    problem = f": {run.status['problem']}" if run.status.get("problem") else ""
    steps = run.config["training"]["steps"]
    return tag("p.state", f"State: {state} at step {run.status.get('step', 0):,} of {steps:,}{problem}.")


def _document(title: str, body: Markup) -> Markup:
    style = resources.files("regard.report").joinpath("style.css").read_text(encoding="utf-8")
    head = (
        Markup('<meta charset="utf-8">'),
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'),
        Markup('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        Markup('<meta name="color-scheme" content="light dark">'),
        tag("title", title),
        Markup(f"<style>\n{style}</style>"),
    )
    page = tag("html", tag("head", *head), tag("body", body), attributes={"lang": "en"})
    return joined((Markup("<!doctype html>\n"), page, Markup("\n")))
