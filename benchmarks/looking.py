"""How well heads align words, and which way to look agrees with what happens when a word is gone.

For each run: the alignment error rate of every encoder-decoder head, by weights and by norms, at both steps, on pairs
that the run held out: against gold where the run's task knows it (the phrasebook does), else against a statistical
aligner's. The best head is chosen on every other pair and measured on those between; beside it stands what most tools
draw, the weights of the last layer, mean of all heads, read at the output step. Then Spearman's correlation of each
method with occlusion, mean over sentences, with an interval of 95 % by bootstrap.
"""

import argparse
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from bench import show
from regard.cli.alignments import MEASURED, gold_of, learnt_from, tokens_of
from regard.cli.measured import held_out
from regard.inference.engine import Tokens
from regard.inference.translator import Translator
from regard.inspection.agreement import agreement_over
from regard.inspection.alignment import MEASURES, STEPS, ErrorMap, error_map, linked, word_weights
from regard.inspection.attribution import PairWords
from regard.inspection.silver import silver
from regard.inspection.subject import Subject
from regard.inspection.trace import trace_subject
from regard.metrics.alignments import Gold, error_rate, error_sums
from regard.run import Run


def last_layer(subject: Subject, pairs: Sequence[tuple[Tokens, Tokens]], gold: Sequence[Gold]) -> float:
    """Return the error rate of the last layer's weights, mean of its heads, when words are written, on odd pairs."""
    sums = []
    for (source, target), links in list(zip(pairs, gold, strict=True))[1::2]:
        weights = trace_subject(subject, source, target).layers["encoder-decoder"][-1].mean(dim=0).double().numpy()
        found = linked(word_weights(weights, PairWords.of(subject, source, target), "output"))
        sums.append(error_sums(found, links))
    return float(error_rate(np.array(sums, np.float64).sum(axis=0)))


def boards(errors: ErrorMap) -> list[dict[str, Any]]:
    """Return a row for each layer, measure and step, with the error rate of every head."""
    found = {(r.measure, r.step, r.head): e for r, e in zip(errors.readings, errors.errors.tolist(), strict=True)}
    layers = sorted({head.layer for *_, head in found})
    return [
        {"what": f"{measure}s", "step": step, "layer": layer + 1}
        | {f"head {h.head + 1}": e for (m, s, h), e in found.items() if (m, s, h.layer) == (measure, step, layer)}
        for measure, step, layer in product(MEASURES, STEPS, layers)
    ]


def main() -> None:
    """Print a board of error rates and a table of agreement for each run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", metavar="RUN")
    parser.add_argument("--sentences", type=int, default=200, help="for the agreement; default: 200")
    args = parser.parse_args()
    for path in args.runs:
        run, subject = Run.open(Path(path)), Subject.behind(Translator.load(path))
        pairs = held_out(run, path)
        tokens, gold = tokens_of(subject, pairs[:MEASURED]), gold_of(run, pairs[:MEASURED])
        links = silver(subject, tokens, learnt_from(run)) if gold is None else gold
        errors = error_map(subject, tokens, links, "silver" if gold is None else "gold")
        choice = errors.choose()
        print(f"{path}: {choice.words}; last layer, mean of its heads: {last_layer(subject, tokens, links):.3f}")
        show(boards(errors))
        alike = agreement_over(subject, tokens_of(subject, pairs[: args.sentences]), choice.reading.head)
        rows = [
            {
                "method": row.method,
                "Spearman with occlusion": row.correlation,
                "95 %": "{:.2f} to {:.2f}".format(*row.interval),
                "sentences": row.sentences,
            }
            for row in alike
        ]
        show(rows)


if __name__ == "__main__":
    main()
