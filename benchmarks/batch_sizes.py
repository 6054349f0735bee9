"""Does a translation depend on what it is batched with? The same sentences at several batch sizes, in float32.

Sums of products differ in their last bits between sizes; where two tokens are nearly as likely, that may decide. Every
difference is listed with the gap in log-probability between the two hypotheses, as the model itself scores them.
"""

import argparse
from collections.abc import Sequence

import torch

from bench import machine
from regard.data.batch import PaddedTokens
from regard.decoding.search import search
from regard.decoding.types import DecodingConfig
from regard.inference.translator import Translator
from regard.model_folder import ModelFolder
from regard.models.base import Seq2SeqModel
from regard.run import Run

SIZES = (1, 2, 7, 64)
NEAR_TIE = 1e-4  # nats


def outputs(
    model: Seq2SeqModel, sources: Sequence[list[int]], decoding: DecodingConfig, size: int
) -> list[tuple[int, ...]]:
    """Return what the model writes, in batches of so many sentences, in order."""
    found: list[tuple[int, ...]] = []
    for first in range(0, len(sources), size):
        batch = PaddedTokens.sources(sources[first : first + size])
        found += [hypotheses[0].ids for hypotheses in search(model, batch, decoding)]
    return found


def main() -> None:
    """Compare every batch size with the first and print the differences."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", help="folder of a run; its held-out or test sources are translated")
    parser.add_argument("--sentences", type=int, default=1000, help="default: 1000")
    args = parser.parse_args()
    torch.set_num_threads(1)
    folder, run, splits = ModelFolder.open(args.run), Run.open(args.run), Run.open(args.run).splits()
    model, sides = folder.load_model(), folder.sides
    pairs = [*splits.test, *splits.valid, *splits.train][: args.sentences]
    longest = run.config.text.longest_source
    sources = [sides.source.ids(pair.source)[:longest] for pair in pairs]
    scorer = Translator.load(args.run)
    alone, ties, others = outputs(model, sources, folder.settings.decoding, SIZES[0]), 0, 0
    for size in SIZES[1:]:
        together = outputs(model, sources, folder.settings.decoding, size)
        for pair, one, other in zip(pairs, alone, together, strict=True):
            if one != other:
                texts = (sides.target.text(one), sides.target.text(other))
                scores = [score.log_prob for score in scorer.score([(pair.source, text) for text in texts])]
                gap = abs(scores[0] - scores[1])
                ties, others = ties + (gap < NEAR_TIE), others + (gap >= NEAR_TIE)
                print(f"size {size}, gap {gap:.1e}: {texts[0]!r} | {texts[1]!r}")
    print(f"{len(sources)} sentences at sizes {SIZES}: {ties} near-ties, {others} other differences")
    print(machine())


if __name__ == "__main__":
    main()
