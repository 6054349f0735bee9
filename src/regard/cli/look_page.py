"""regard look RUN TEXT -o x.html: one text on a page that needs nothing but itself."""

import shlex
from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from regard import __version__
from regard.errors import RegardError, UsageError

if TYPE_CHECKING:
    from regard.cli.look_text import Look
    from regard.inspection.alignment import Choice
    from regard.inspection.knockout import Way
    from regard.inspection.page import Gathered

FORMAT = 1
"""Version of the values that the page reads."""

T = TypeVar("T")


def write_look_page(look: "Look", path: Path) -> None:
    """Write the page of a text, and of what it is compared with.

    Raises MissingExtraError if the page is not built.
    """
    from regard.inspection.page_file import built_page, write_page

    built_page()  # before minutes of measuring
    looks = [look, *compared(look)]
    parts = [_part(one, name) for one, name in zip(looks, "ab", strict=False)]
    values: dict[str, Any] = {"format": FORMAT, "regard": __version__, "looks": [part.values for part in parts]}
    training = _or_why(lambda: _training(look))
    values["training"] = training.found.values if training.found else None
    values["no_training"] = training.why
    packed = [part.bytes for part in parts] + ([training.found.bytes] if training.found else [])
    write_page(path, values, {name: content for some in packed for name, content in some.items()})


def compared(look: "Look") -> "list[Look]":
    """Return what a text is compared with: the same writing by another model, or another text.

    Raises UsageError for what looks like a folder and is none.
    """
    from regard.cli.look_text import Look

    other = look.args.compare_with
    if other is None:
        return []
    values = vars(look.args) | {"compare_with": None}
    if Path(other).is_dir():
        return [Look.of(Namespace(**values | {"run": other, "target": look.output}))]
    if "/" in other and " " not in other:
        hint = "name the folder of a run or of a model, or give a text"
        raise UsageError(f"no folder {other!r}", where="--compare-with", hint=hint)
    return [Look.of(Namespace(**values | {"text": other, "target": None}))]


@dataclass(frozen=True)
class _Measured:
    """What was measured, or why it was not."""

    found: Any
    why: str | None = None


def _or_why(measure: Callable[[], T]) -> _Measured:
    try:
        return _Measured(measure())
    except RegardError as error:
        return _Measured(None, error.problem)


def _part(look: "Look", name: str) -> "Gathered":
    """Return what the page shows of one text and one model."""
    from regard.inspection.page import Gathered, Silencing, gather

    corpus = _or_why(lambda: _held_out_corpus(look)) if look.args.pairs is None else _Measured(_named_corpus(look))
    means = _or_why(look.means).found
    ways: tuple[Way, ...] = ("zero", "mean", "uniform") if means is not None else ("zero", "uniform")
    silencing = Silencing(ways, look.translator.folder.settings.decoding, means)
    choice = _choice(corpus.found)
    found = gather(look.subject, look.source, look.target, name=name, silencing=silencing, choice=choice)
    run = shlex.quote(str(look.args.run))
    text = shlex.quote(look.args.text)
    target = f" --target {shlex.quote(look.args.target)}" if look.args.target is not None else ""
    values = {
        "run": str(look.args.run),
        "text": look.args.text,
        "forced": look.args.target is not None,
        "corpus": corpus.found,
        "no_corpus": corpus.why,
        "commands": {
            "silence": f"regard look {run} {text}{target} --silence",
            "corpus": f"regard look {run} {text}{target} --pairs PAIRS.tsv -o page.html",
            "gold": f"regard look {run} {text}{target} --pairs PAIRS.tsv --gold LINKS -o page.html",
        },
    }
    return Gathered(found.values | values, found.bytes)


def _named_corpus(look: "Look") -> dict[str, Any]:
    """Return what the heads do on the pairs that were named."""
    from regard.cli.corpus import corpus_of, named_pairs

    return short(corpus_of(look.translator, look.run, *named_pairs(look.args.pairs, look.args.gold)))


def _held_out_corpus(look: "Look") -> dict[str, Any]:
    """Return what the heads do on the pairs that the run held out.

    Raises UsageError if there is no run.
    """
    from regard.cli.alignments import MEASURED, gold_of
    from regard.cli.corpus import corpus_of
    from regard.cli.measured import held_out

    if look.run is None:
        raise UsageError("the model lies in no run, which would have held pairs out", where=look.args.run)
    pairs = held_out(look.run, look.args.run)[:MEASURED]
    return short(corpus_of(look.translator, look.run, pairs, gold_of(look.run, pairs)))


def short(values: Any) -> Any:
    """Return plain values with numbers to five digits."""
    if isinstance(values, dict):
        return {key: short(value) for key, value in values.items()}
    if isinstance(values, list):
        return [short(value) for value in values]
    return float(f"{values:.5g}") if isinstance(values, float) else values


def _choice(corpus: dict[str, Any] | None) -> "Choice | None":
    from regard.inspection.alignment import Choice

    return Choice.from_json(corpus["alignment"]) if corpus else None


def _training(look: "Look") -> "Gathered | None":
    from regard.inspection.page_training import gather_training

    return gather_training(look.subject, look.run.path) if look.run else None
