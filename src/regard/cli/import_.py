"""regard import: a model from Hugging Face's format."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from regard.errors import UsageError
from regard.files import is_free


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `regard import`."""
    add = parser.add_argument
    add("folder", metavar="DIR", type=Path, help="folder with config.json and model.safetensors")
    add("--out", metavar="MODEL", type=Path, required=True, help="model folder to make")
    add("--json", action="store_true", help="print one JSON object instead")


def run(args: argparse.Namespace) -> int:
    """Read the folder and write the model; what cannot be read exactly is refused before anything is written."""
    from regard.cli.tables import facts, show
    from regard.interop.huggingface.import_model import import_model

    if not is_free(args.out):
        raise UsageError("exists already", where=str(args.out), hint="choose another --out")
    report = asdict(import_model(args.folder, args.out))
    if args.json:
        print(json.dumps(report, ensure_ascii=False))
        return 0
    languages = ", ".join(report.pop("languages"))
    rows = [(name, f"{value:,}" if isinstance(value, int) else value) for name, value in report.items()]
    show([facts([*rows, *([("languages", languages)] if languages else [])])])
    return 0
