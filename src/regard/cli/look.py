"""regard look: where a model looked, and what that was worth."""

import argparse
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from regard.errors import UsageError

MEASURES = ("weight", "norm", "rollout", "contribution", "gradient", "occlusion")
FILES = ("html", "svg", "pdf", "png", "npz", "csv")
WAYS = ("zero", "mean", "uniform")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `regard look`."""
    add = parser.add_argument
    add("run", metavar="RUN", help="folder of a run or of a model")
    add("text", metavar="TEXT", nargs="?", help="what to translate and look into")
    add("--target", metavar="TEXT", help="look at the writing of this, not of the model's own translation")
    add("--measure", choices=MEASURES, help="what is shown; default: weights of the head that aligns words best")
    add("--head", metavar="H", help="of weight and norm: such as encoder-decoder.2.1 (kind, layer, head)")
    add("--all", action="store_true", help="with -o: all heads in one figure")
    add("--tokens", action="store_true", help="tokens in place of words")
    add("--silence", metavar="H,H", help="silence heads together and say what changes; 'each': every head by itself")
    add("--way", choices=WAYS, default="zero", help="what a silenced head finds: nothing, its mean, all keys alike")
    add("--agree", action="store_true", help="how the methods rank source words beside occlusion")
    add(
        "--pairs",
        metavar="PAIRS",
        help="what every head does on the pairs of a TSV or JSON lines, in place of TEXT or on its page",
    )
    add("--gold", metavar="F", help="word alignments of --pairs, such as 0-0 1-2 2p2; without, an aligner's")
    add("--compare-with", metavar="OTHER", help="with -o F.html: another text, or the folder of another run")
    add("--json", action="store_true", help="print one JSON object instead")
    add("-o", "--output", metavar="F", help=f"write F: {', '.join(FILES)} by its ending")


def run(args: argparse.Namespace) -> int:
    """Look at a text, or at many pairs."""
    check_output(args)
    if (args.text is None) == (args.pairs is None) and not (args.text is not None and is_page(args)):
        raise UsageError("one of the two is needed", where="TEXT or --pairs", hint='such as regard look RUN "a text"')
    if args.text is None:
        from regard.cli.look_pairs import look_at_pairs

        return look_at_pairs(args)
    if args.gold and args.pairs is None:
        raise UsageError("has no meaning without --pairs", where="--gold", hint="give --pairs too")
    from regard.cli.look_text import look_at_text

    return look_at_text(args)


def check_output(args: argparse.Namespace) -> None:
    """Raise UsageError if the file to write is of no kind that can be written."""
    kind = Path(args.output).suffix[1:].lower() if args.output else ""
    if args.output and kind not in FILES:
        raise UsageError(f"no file of kind {kind or '?'!r} can be written", where="--output", hint=", ".join(FILES))
    if args.all and kind not in ("svg", "pdf", "png"):
        raise UsageError("is for a figure", where="--all", hint="give -o F.svg too; -o F.npz always has all heads")
    if kind == "html":
        check_page(args)
    elif args.compare_with is not None:
        raise UsageError("is for a page", where="--compare-with", hint="give -o F.html too")
    if args.text is None and kind not in ("", "csv"):
        raise UsageError(f"many pairs make no {kind}", where="--output", hint="give -o F.csv, or a text")


def check_page(args: argparse.Namespace) -> None:
    """Raise UsageError for what a page has anyway."""
    if args.text is None:
        raise UsageError("a page is of a text", where="TEXT", hint='such as regard look RUN "a text" -o page.html')
    options = {"measure": args.measure, "head": args.head, "silence": args.silence}
    given = [name for name, value in options.items() if value]
    given += [name for name in ("tokens", "agree", "json") if getattr(args, name)]
    if given:
        raise UsageError("has no meaning for a page", where=f"--{given[0]}", hint="the page has all of it")


def is_page(args: argparse.Namespace) -> bool:
    """Tell whether a page is to be written."""
    return bool(args.output) and Path(args.output).suffix.lower() == ".html"


def show_map(found: Any) -> str:
    """Return a map as the terminal of standard output can show it."""
    from regard.inspection.terminal import colours_of, draw

    colours = colours_of(os.environ, terminal=sys.stdout is not None and sys.stdout.isatty())
    return draw(found, width=shutil.get_terminal_size((80, 24)).columns, colours=colours)


def print_json(values: Any) -> None:
    """Print one object in a line."""
    print(json.dumps(values, ensure_ascii=False, allow_nan=False))
