"""The options that say where pairs stand; train, check, evaluate and score have them alike."""

import argparse

from regard.data.pairs import PairFiles
from regard.errors import UsageError


def add_pair_arguments(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """Declare the options that name pairs."""
    group = parser.add_argument_group("where the pairs stand")
    add = group.add_argument
    add("pairs", metavar="PAIRS", nargs="?", help="a TSV (source, tab, target) or JSON lines; plain or .gz")
    add("--source", metavar="F", help="sources, one a line, in place of PAIRS")
    add("--target", metavar="F", help="targets, line by line beside --source")
    add("--columns", metavar="A,B", help="columns of a TSV that are source and target, from 1, such as 2,3")
    add("--fields", metavar="A,B", help="names of source and target in JSON lines, such as body,subject")
    parser.set_defaults(pairs_required=required)


def add_valid_arguments(parser: argparse.ArgumentParser, *, otherwise: str = "none") -> None:
    """Declare the options that name held-out pairs; `otherwise` says what is taken if they are not given."""
    add = parser.add_argument
    add("--valid", metavar="PAIRS", help=f"held-out pairs, in the same form; default: {otherwise}")
    add("--valid-target", metavar="F", help="target side of --valid, where the sides are two line-aligned files")


def pair_files(args: argparse.Namespace) -> PairFiles | None:
    """Return where the pairs stand, or None if no option says so.

    Raises UsageError if there are none and some are needed, ConfigError if the options contradict one another.
    """
    if args.pairs is None and args.source is None and args.target is None:
        if args.pairs_required:
            hint = "such as pairs.tsv, or --source a.en --target a.de"
            raise UsageError("no pairs", where="PAIRS", hint=hint)
        refuse_without(args, "PAIRS", "columns", "fields", "valid", "valid_target")
        return None
    if not getattr(args, "valid", None):
        refuse_without(args, "--valid", "valid_target")
    return PairFiles(args.pairs, args.source, args.target, *_named(args))


def valid_files(args: argparse.Namespace) -> PairFiles | None:
    """Return where the held-out pairs of `--valid` (and `--valid-target`) stand, in the form of the others."""
    if not args.valid:
        return None
    if args.valid_target:
        return PairFiles(source=args.valid, target=args.valid_target)
    columns, fields = _named(args)
    return PairFiles(args.valid, columns=columns, fields=fields)


def refuse_without(args: argparse.Namespace, needed: str, *names: str) -> None:
    """Raise UsageError if one of the options is given that mean nothing without another."""
    for name in names:
        if getattr(args, name, None):
            option = f"--{name.replace('_', '-')}"
            raise UsageError(f"has no meaning without {needed}", where=option, hint=f"give {needed} too")


def _named(args: argparse.Namespace) -> tuple[tuple[int, ...], tuple[str, ...]]:
    columns = (args.columns or "").replace(" ", "").split(",") if args.columns else []
    if not all(column.isdecimal() for column in columns):
        raise UsageError(f"expected two numbers, got {args.columns!r}", where="--columns", hint="such as 2,3")
    return tuple(map(int, columns)), tuple(args.fields.split(",")) if args.fields else ()
