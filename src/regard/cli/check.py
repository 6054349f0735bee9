"""regard check: look for trouble in pairs of texts before an hour of training is lost on it."""

import argparse
import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from regard.cli.pairs import add_pair_arguments, add_valid_arguments, pair_files, valid_files
from regard.errors import UsageError

if TYPE_CHECKING:
    from rich.table import Table

    from regard.data.check import DataReport
    from regard.data.pairs import PairFiles

PAIR_OPTIONS = ("source", "target", "columns", "fields")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `regard check`."""
    add_pair_arguments(parser)
    add_valid_arguments(parser)
    add = parser.add_argument
    add("--write-clean", metavar="F", help="write the pairs that are kept: TSV, or JSON lines if F ends in .jsonl; .gz")
    add(
        "--drop",
        choices=("duplicates", "identical", "uneven"),
        action="append",
        default=[],
        help="leave these out too, besides pairs with an empty side; may be given several times",
    )
    add("--json", action="store_true", help="print one JSON object instead")
    parser.epilog = "Ends with 0 if the pairs can be used, with 2 if not."


def run(args: argparse.Namespace) -> int:
    """Read, look, write what is kept if asked to, and tell."""
    from rich.console import Console

    from regard.data.check import check_pairs
    from regard.data.clean import CleaningConfig, clean
    from regard.data.findings import UNEVEN
    from regard.data.pairs import read_pairs, write_pairs

    files, valid = pair_files(args), valid_files(args)
    assert files is not None, "they are required"
    _refuse_overwriting(args.write_clean, [files, *([valid] if valid else [])])
    cleaning = CleaningConfig(
        drop_duplicates="duplicates" in args.drop,
        drop_identical="identical" in args.drop,
        max_ratio=UNEVEN if "uneven" in args.drop else 0.0,
    )
    pairs, held_out = read_pairs(files), read_pairs(valid) if valid else None
    with Console(stderr=True).status(f"{len(pairs):,} pairs"):
        report = check_pairs(pairs, held_out, cleaning)
    if args.write_clean:
        write_pairs(args.write_clean, clean(pairs, cleaning).kept)
    if args.json:
        print(json.dumps({"pairs": str(files), **report.to_json()}, ensure_ascii=False))
    else:
        tell(report, files, args)
    return 0 if report.usable else 2


def _refuse_overwriting(place: str | None, files: "list[PairFiles]") -> None:
    for of in files:
        for path in filter(None, (of.path, of.source, of.target)):
            if place and Path(place).exists() and Path(path).exists() and Path(place).samefile(path):
                raise UsageError("is the file to check", where="--write-clean", hint="choose another place")


def tell(report: "DataReport", files: "PairFiles", args: argparse.Namespace) -> None:
    """Print what there is, what may be wrong with it, and what to do next."""
    from regard.cli.tables import facts, show

    findings = [facts((finding.severity, str(finding)) for finding in report.findings)] if report.findings else []
    show([_summary(report, files), _counts(report), *findings, "\n".join(_verdict(report, args))])


def _summary(report: "DataReport", files: "PairFiles") -> str:
    kept = f"{report.kept:,} kept, {report.read - report.kept:,} left out" if report.dropped else "all kept"
    held_out = "" if report.valid is None else f"; {report.valid:,} to validate on"
    return f"{files}: {report.read:,} pairs, {kept}{held_out}"


def _counts(report: "DataReport") -> "Table":
    from regard.cli.tables import table

    rows = [
        (
            name,
            f"{side.words:,}",
            f"{side.words / max(report.kept, 1):.1f}",
            f"{side.longest:,}",
            f"{side.longest_line:,}",
            f"{side.characters:,}",
        )
        for name, side in (("source", report.source), ("target", report.target))
    ]
    return table(("", "words", "a pair", "longest", "in line", "characters"), rows)


def _verdict(report: "DataReport", args: argparse.Namespace) -> Iterator[str]:
    if args.write_clean:
        yield f"wrote {report.kept:,} pairs to {args.write_clean}"
    severities = [finding.severity for finding in report.findings]
    counts = {severity: severities.count(severity) for severity in ("error", "warning")}
    told = " and ".join(f"{count} {severity}{'s' * (count > 1)}" for severity, count in counts.items() if count)
    if report.usable:
        yield f"Fit for training{f', with {told}' if told else ''}. Next: {_next(args)}"
    else:
        yield f"Not fit for training: {told}. Mend the pairs and check again."


def _next(args: argparse.Namespace) -> str:
    """Return the command that trains on what was checked."""
    pairs = args.write_clean or args.pairs
    names = ["valid", "valid_target"] if args.write_clean else [*PAIR_OPTIONS, "valid", "valid_target"]
    options = [f"--{name.replace('_', '-')} {shlex.quote(value)}" for name in names if (value := getattr(args, name))]
    return " ".join(["regard train", *([shlex.quote(pairs)] if pairs else []), *options])
