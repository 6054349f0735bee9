"""regard export: a model for another program."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from regard.errors import DataError, UsageError
from regard.files import is_free
from regard.interop import EXPORTS

if TYPE_CHECKING:
    from regard.model_folder import ModelFolder

SAMPLES = 20
"""Sentences to compare on."""

MADE_UP = 8
"""Tokens of a sentence that is made up."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `regard export`."""
    add = parser.add_argument
    add("run", metavar="RUN", help="folder of a run or of a model")
    add("destination", metavar="DIR", type=Path, help="folder to make")
    add("--to", choices=tuple(EXPORTS), required=True, help="the program that is to run it")
    add("--samples", metavar="FILE", help=f"lines to compare on, {SAMPLES} at most; default: held-out sources of RUN")
    add("--json", action="store_true", help="print one JSON object instead")


def run(args: argparse.Namespace) -> int:
    """Write the model in another program's form, compared with what it was before it is put in place."""
    from regard.cli.tables import facts, show
    from regard.model_folder import ModelFolder

    if not is_free(args.destination):
        raise UsageError("exists already", where=str(args.destination), hint="choose another DIR")
    folder = ModelFolder.open(args.run)
    report = asdict(EXPORTS[args.to](folder, args.destination, samples(folder, args)))
    if args.json:
        print(json.dumps(report, ensure_ascii=False))
    else:
        show([facts((name.replace("_", " "), _shown(value)) for name, value in report.items() if value != ())])
    return 0


def samples(folder: "ModelFolder", args: argparse.Namespace) -> list[str]:
    """Return the texts to compare on: those of a file, else held-out ones, else some made up of the model's tokens.

    Raises DataError if the file has none.
    """
    from regard.data.lines import read_lines
    from regard.run import run_of

    if args.samples is not None:
        given = list(islice((line for line in read_lines(args.samples) if line.strip()), SAMPLES))
        if not given:
            raise DataError("has no text", where=args.samples, hint="give a few lines of the source language")
        return given
    of = run_of(args.run)
    if of is None:
        return made_up(folder)
    lines = read_lines(str(of.path / "valid.jsonl"))
    return [json.loads(line)["source"] for line in islice(lines, SAMPLES)]


def made_up(folder: "ModelFolder") -> list[str]:
    """Return texts of tokens drawn at random, always the same ones for the same vocabulary."""
    side, draw = folder.sides.source, Random(1)
    tokens: Sequence[str] = [token for token in side.tokenizer.tokens if "<" not in token]  # bytes and the like
    return [side.tokenizer.join(draw.choices(tokens, k=MADE_UP)) for _ in range(SAMPLES)]


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
