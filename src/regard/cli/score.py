"""regard score: tell how likely a model finds given pairs."""

import argparse
import json
from typing import TYPE_CHECKING

from regard.cli.answers import Notes, finite
from regard.cli.pairs import add_pair_arguments, pair_files

if TYPE_CHECKING:
    from regard.inference.translation import PairScore


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `regard score`."""
    parser.add_argument("run", metavar="RUN", help="folder of a run or of a model")
    add_pair_arguments(parser)
    parser.add_argument("--json", action="store_true", help="one object a line, with every token")
    parser.epilog = (
        "A line for each pair, in order: the log-probability of its target in nats, its tokens (the end is one), the\n"
        "log-probability per token, the perplexity; with tabs between, and nan for pairs that are too long. Of\n"
        "several targets the first one counts."
    )


def run(args: argparse.Namespace) -> int:
    """Score every pair."""
    from regard.data.pairs import read_pairs
    from regard.inference.translator import Translator

    files = pair_files(args)
    assert files is not None, "they are required"
    pairs, notes = read_pairs(files), Notes()
    scores = Translator.load(args.run).score((pair.source, pair.target) for pair in pairs)
    for pair, score in zip(pairs, scores, strict=True):
        print(_json(pair.line, score) if args.json else _row(score))
        notes.add(pair.line, {score.status})
    notes.show()
    return 0


def _row(score: "PairScore") -> str:
    return f"{score.log_prob:.4f}\t{len(score.tokens) + 1}\t{score.mean:.4f}\t{score.perplexity:.4f}"


def _json(line: int, score: "PairScore") -> str:
    values = {
        "line": line,
        "status": score.status,
        "log_prob": finite(score.log_prob),
        "mean": finite(score.mean),
        "perplexity": finite(score.perplexity),
        "tokens": score.tokens,
        "token_log_probs": [finite(log_prob) for log_prob in score.token_log_probs],
    }
    return json.dumps(values, ensure_ascii=False, allow_nan=False)
