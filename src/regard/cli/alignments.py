"""Which head aligns words best, for the commands that show alignments: measured on what the run held out, then kept."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from regard.errors import DataError, RegardError

if TYPE_CHECKING:
    from regard.data.pairs import Pair
    from regard.inference.engine import Tokens
    from regard.inference.translator import Translator
    from regard.inspection.alignment import Choice, ErrorMap
    from regard.inspection.subject import Subject
    from regard.metrics.alignments import Gold
    from regard.run import Run

MEASURED = 300
"""Held-out pairs by which the head is chosen, at most."""


def best_reading(translator: "Translator", run: "Run | None") -> "Choice | None":
    """Return the reading that measures best on pairs that the run held out; None without a run.

    Against gold alignments where the run's task knows them, else against those of an aligner.
    """
    from regard.cli.measured import held_out
    from regard.inspection.alignment import Choice
    from regard.inspection.cache import remembered

    if run is None:
        return None
    pairs = held_out(run, str(run.path))[:MEASURED]
    texts = [text for pair in pairs for text in (pair.source, pair.target)]
    kept = remembered(
        translator.folder, "alignment", texts, lambda: _measured(translator, run, pairs).choose().to_json()
    )
    return Choice.from_json(kept)


def tokens_of(subject: "Subject", pairs: "Sequence[Pair]") -> "list[tuple[Tokens, Tokens]]":
    """Return the tokens of pairs."""
    source, target = subject.sides.source.tokenizer, subject.sides.target.tokenizer
    return [(source.split(pair.source), target.split(pair.target)) for pair in pairs]


def _measured(translator: "Translator", run: "Run", pairs: "Sequence[Pair]") -> "ErrorMap":
    from regard.inspection.alignment import error_map
    from regard.inspection.silver import silver
    from regard.inspection.subject import Subject

    subject, gold = Subject.behind(translator), gold_of(run, pairs)
    tokens = tokens_of(subject, pairs)
    if gold is not None:
        return error_map(subject, tokens, gold, "gold")
    return error_map(subject, tokens, silver(subject, tokens, learnt_from(run)), "silver")


def gold_of(run: "Run", pairs: "Sequence[Pair]") -> "list[Gold] | None":
    """Return the alignments of held-out pairs, if the run's task knows them."""
    from regard.tasks.base import AlignedTask, build_task

    task = build_task(run.config.task)
    if not isinstance(task, AlignedTask):
        return None
    gold = {pair.source: links for pair, links in task.aligned("valid")}
    return [gold[pair.source] for pair in pairs]


def learnt_from(run: "Run | None") -> list[tuple[str, str]]:
    """Return the texts that a run learnt from, as far as they are still there."""
    try:
        return [(pair.source, pair.target) for pair in run.splits().train] if run else []
    except RegardError:  # moved or changed since
        return []


def read_gold(path: str, pairs: int) -> "list[Gold]":
    """Return the alignments of a file in Pharaoh's form, a line for each pair.

    Raises DataError, at path:line, for what is no alignment, and if there are more or fewer.
    """
    from regard.data.lines import read_lines
    from regard.metrics.alignments import parse_gold

    found = [parse_gold(line, f"{path}:{number}") for number, line in enumerate(read_lines(path), start=1)]
    if len(found) != pairs:
        raise DataError(f"{len(found):,} alignments for {pairs:,} pairs", where=path, hint="one line for each pair")
    return found
