"""regard look RUN --pairs F: what every head does on many pairs, what it is worth, and how it aligns words."""

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regard.cli.answers import finite
from regard.cli.look import print_json
from regard.errors import DataError

if TYPE_CHECKING:
    from regard.data.pairs import Pair
    from regard.inference.translator import Translator
    from regard.metrics.alignments import Gold
    from regard.run import Run

AGREEING = 30
"""Pairs over which the agreement of methods is measured, at most: occlusion takes a pass for every word."""


def look_at_pairs(args: argparse.Namespace) -> int:
    """Measure every head, and show it."""
    from rich.console import Console

    from regard.cli.alignments import read_gold
    from regard.data.pairs import PairFiles, read_pairs
    from regard.inference.translator import Translator
    from regard.inspection.cache import remembered
    from regard.run import run_of

    run, pairs = run_of(args.run), read_pairs(PairFiles(args.pairs))
    gold = read_gold(args.gold, len(pairs)) if args.gold else None
    translator = Translator.load(args.run)
    texts = [text for pair in pairs for text in (pair.source, pair.target)]
    golden = sorted(map(str, (sorted(links.possible) for links in gold))) if gold else []
    with Console(stderr=True).status(f"reading {len(pairs):,} pairs"):
        measure = partial(_measured, translator, run, pairs, gold)
        found = remembered(translator.folder, "heads", [*texts, *golden], measure)
    if args.output:
        _write(Path(args.output), found)
    if args.json:
        print_json(found)
    elif not args.output:
        _show(found)
    return 0


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


def _show(found: dict[str, Any]) -> None:
    from regard.cli.tables import show, table
    from regard.inspection import agreement, corpus
    from regard.inspection.alignment import Choice

    heads = [_row(head) for head in found["heads"]]
    columns = ["head", "role", "share", "loss if silenced", "95 % interval", "entropy", "on <s> </s>", "AER"]
    alike = [
        [row["method"], f"{row['correlation']:+.2f}", _interval(row["interval"], "+.2f"), str(row["sentences"])]
        for row in found["agreement"]
    ]
    left_out = f"; {found['left_out']:,} left out, being blank or too long" if found["left_out"] else ""
    show(
        [
            f"{found['pairs']:,} pairs{left_out}. {corpus.WHAT_IT_IS_NOT}",
            table(columns, heads),
            "Loss: by how much it rises, in nats per target token. AER: alignment error rate at the best reading.",
            f"Best on half of the pairs: {Choice.from_json(found['alignment']).words}.",
            agreement.WHAT_IT_IS_NOT,
            table(["method", "Spearman with occlusion", "95 % interval", "sentences"], alike),
        ]
    )


def _row(head: dict[str, Any]) -> list[str]:
    role, error = head["role"], head["alignment_error"]
    offset = f" {role['offset']:+d}" if role["name"] == "positional" else ""
    return [
        head["head"],
        f"{role['name']}{offset}",
        f"{role['share']:.0%}",
        f"{head['importance']:+.4f}",
        _interval(head["importance_interval"], "+.4f"),
        f"{head['entropy']:.2f}",
        f"{head['special']:.0%}",
        "" if error is None else f"{error:.3f}",
    ]


def _interval(ends: list[float | None], form: str) -> str:
    low, high = ends
    return "" if low is None or high is None else f"{low:{form}} to {high:{form}}"


def _write(path: Path, found: dict[str, Any]) -> None:
    import csv
    import io

    from regard.files import write_text

    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    names = ["importance", "entropy", "special", "rarest", "alignment_error"]
    lines.writerow(["head", "role", "share", *names])
    for head in found["heads"]:
        lines.writerow([head["head"], head["role"]["name"], head["role"]["share"], *(head[name] for name in names)])
    write_text(path, text.getvalue())
