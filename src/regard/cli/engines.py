"""Engines on the command line: how they are named, and how one stands beside the reference."""

import argparse
from typing import TYPE_CHECKING, TypedDict

from regard.inference import ENGINES

if TYPE_CHECKING:
    from regard.decoding.types import DecodingConfig
    from regard.evaluation.engines import EngineComparison
    from regard.evaluation.evaluate import Evaluation


class Engine(TypedDict):
    """What `Translator.load` is told of an engine."""

    engine: str | None
    precision: str | None
    threads: int | None
    shortlist: bool


def add_engine_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options that choose an engine."""
    add = parser.add_argument_group("what computes").add_argument
    add("--engine", choices=tuple(ENGINES), help="what runs the model; default: native where it can, else torch")
    precisions = ("float32", "bfloat16", "int8")
    add("--precision", choices=precisions, help="what it computes in, if it has that; default: float32")
    add("--shortlist", action="store_true", help="think only of words that regard shortlist listed: faster, not exact")
    add("--threads", type=int, metavar="N", help="threads to compute with; default: one per core")


def chosen_engine(args: argparse.Namespace) -> Engine:
    """Return what the options say."""
    return Engine(engine=args.engine, precision=args.precision, threads=args.threads, shortlist=args.shortlist)


def compared(
    args: argparse.Namespace, evaluation: "Evaluation", decoding: "DecodingConfig"
) -> "EngineComparison | None":
    """Return how the chosen engine did beside the reference; None if it is the reference."""
    from regard.evaluation.engines import REFERENCE, compare_with_reference

    if args.engine in (None, REFERENCE) and args.precision in (None, "float32") and not args.shortlist:
        return None
    return compare_with_reference(args.run, evaluation, decoding, args.threads)


def beside_reference(comparison: "EngineComparison") -> str:
    """Say how an engine did beside the reference."""
    same = f"{comparison.same:,} of {comparison.sentences:,} outputs are the same"
    scores = f"BLEU {comparison.bleu:.2f}, with torch in float32 {comparison.reference_bleu:.2f}"
    return f"{scores}: difference {comparison.difference:+.2f}; {same}"


def warning(comparison: "EngineComparison") -> str:
    """Say that an engine should not stand for the model, or nothing."""
    from regard.evaluation.engines import TOLERATED

    if comparison.tolerable:
        return ""
    return f"warning: BLEU differs by {abs(comparison.difference):.2f}, more than {TOLERATED}, from torch in float32"
