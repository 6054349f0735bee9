"""regard look RUN --pairs F: what every head does on many pairs, what it is worth, and how it aligns words."""

import argparse
from pathlib import Path
from typing import Any

from regard.cli.look import print_json


def look_at_pairs(args: argparse.Namespace) -> int:
    """Measure every head, and show it."""
    from regard.cli.corpus import corpus_of, named_pairs
    from regard.inference.translator import Translator
    from regard.run import run_of

    run, (pairs, gold) = run_of(args.run), named_pairs(args.pairs, args.gold)
    found = corpus_of(Translator.load(args.run), run, pairs, gold)
    if args.output:
        _write(Path(args.output), found)
    if args.json:
        print_json(found)
    elif not args.output:
        _show(found)
    return 0


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
