"""What every head does on many pairs: measured once for a model and its pairs, then kept in the run."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from regard.cli.answers import finite
from regard.errors import DataError

if TYPE_CHECKING:
    from regard.data.pairs import Pair
    from regard.inference.translator import Translator
    from regard.metrics.alignments import Gold
    from regard.run import Run

AGREEING = 30
"""Pairs over which the agreement of methods is measured, at most: occlusion takes a pass for every word."""


def named_pairs(path: str, gold: str | None) -> "tuple[list[Pair], list[Gold] | None]":
    """Return the pairs of a file, and their alignments if a file of those is named too."""
    from regard.cli.alignments import read_gold
    from regard.data.pairs import PairFiles, read_pairs

    pairs = read_pairs(PairFiles(path))
    return pairs, read_gold(gold, len(pairs)) if gold else None


def corpus_of(
    translator: "Translator", run: "Run | None", pairs: "Sequence[Pair]", gold: "list[Gold] | None"
) -> dict[str, Any]:
    """Return, as plain values, what every head does on pairs, what it is worth, and how it aligns words."""
    from rich.console import Console

    from regard.inspection.cache import remembered

    texts = [text for pair in pairs for text in (pair.source, pair.target)]
    golden = sorted(map(str, (sorted(links.possible) for links in gold))) if gold else []
    with Console(stderr=True).status(f"reading {len(pairs):,} pairs"):
        measure = partial(_measured, translator, run, pairs, gold)
        return remembered(translator.folder, "heads", [*texts, *golden], measure)


def _measured(
    translator: "Translator", run: "Run | None", pairs: "Sequence[Pair]", gold: "list[Gold] | None"
) -> dict[str, Any]:
    from regard.cli.alignments import learnt_from, tokens_of
    from regard.inspection.agreement import agreement_over
    from regard.inspection.alignment import error_map
    from regard.inspection.corpus import head_reports
    from regard.inspection.roles import role_of
    from regard.inspection.silver import silver
    from regard.inspection.subject import Subject

    subject, limits = Subject.behind(translator), translator.folder.settings.text
    tokens = tokens_of(subject, pairs)
    fit = [
        i
        for i, (source, target) in enumerate(tokens)
        if 0 < len(source) <= limits.longest_source and 0 < len(target) <= limits.longest_target
    ]
    if not fit:
        raise DataError("holds no pair that the model can read", where="--pairs", hint="they are blank or too long")
    tokens = [tokens[i] for i in fit]
    links = [gold[i] for i in fit] if gold else silver(subject, tokens, learnt_from(run))
    errors = error_map(subject, tokens, links, "gold" if gold else "silver")
    choice, best = errors.choose(), dict[Any, float]()
    for reading, error in zip(errors.readings, errors.errors.tolist(), strict=True):
        best[reading.head] = min(error, best.get(reading.head, 1.0))
    heads = []
    for report in head_reports(subject, tokens):
        role = role_of(report, best.get(report.head))
        heads.append(
            {
                "head": str(report.head),
                "role": {"name": role.name, "share": role.share, "offset": role.offset},
                "importance": report.importance,
                "importance_interval": [finite(end) for end in report.importance_interval],
                "entropy": report.entropy,
                "special": report.special,
                "rarest": report.rarest,
                "alignment_error": best.get(report.head),
                "offsets": {str(offset): share for offset, share in report.offsets.items()},
            }
        )
    alike = agreement_over(subject, tokens[:AGREEING], choice.reading.head)
    return {
        "pairs": len(tokens),
        "left_out": len(pairs) - len(tokens),
        "heads": heads,
        "alignment": choice.to_json(),
        "alignment_errors": [
            {"head": str(reading.head), "measure": reading.measure, "step": reading.step, "error": error}
            for reading, error in zip(errors.readings, errors.errors.tolist(), strict=True)
        ],
        "agreement": [
            {
                "method": row.method,
                "correlation": row.correlation,
                "interval": [finite(end) for end in row.interval],
                "sentences": row.sentences,
            }
            for row in alike
        ],
    }
