"""Does a translation depend on what it is batched with? The same sentences at several batch sizes, in float32.

Sums of products differ in their last bits between sizes; where two hypotheses are nearly as good, that may decide.
Every difference is listed with the gap between the two by what search ranks them by: the log-probability in nats,
divided as the length normalisation has it. Exits with 1 if one of them is no near-tie.
"""

import argparse
import sys
from collections.abc import Sequence

import torch

from bench import machine
from regard.data.batch import PaddedTokens
from regard.decoding.search import Found, search
from regard.decoding.types import DecodingConfig
from regard.model_folder import ModelFolder
from regard.models.base import Seq2SeqModel
from regard.run import Run

SIZES = (1, 2, 7, 64)
NEAR_TIE = 1e-4  # nats


def outputs(model: Seq2SeqModel, sources: Sequence[list[int]], decoding: DecodingConfig, size: int) -> list[Found]:
    """Return what the model writes, in batches of so many sentences, in order."""
    found: list[Found] = []
    for first in range(0, len(sources), size):
        batch = PaddedTokens.sources(sources[first : first + size])
        found += [hypotheses[0] for hypotheses in search(model, batch, decoding)]
    return found


def main() -> None:
    """Compare every batch size with the first and print the differences."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", help="folder of a run; its test or held-out sources are translated")
    parser.add_argument("--sentences", type=int, default=1000, help="default: 1000")
    args = parser.parse_args()
    torch.set_num_threads(1)
    folder, run = ModelFolder.open(args.run), Run.open(args.run)
    splits = run.splits()
    model, sides = folder.load_model(), folder.sides
    pairs = [*splits.test, *splits.valid, *splits.train][: args.sentences]
    longest = run.config.text.longest_source
    sources = [sides.source.ids(pair.source)[:longest] for pair in pairs]
    alone = outputs(model, sources, folder.settings.decoding, SIZES[0])
    ties = others = 0
    for size in SIZES[1:]:
        for one, other in zip(alone, outputs(model, sources, folder.settings.decoding, size), strict=True):
            if one.ids != other.ids:
                gap = abs(one.score - other.score)
                ties, others = ties + (gap < NEAR_TIE), others + (gap >= NEAR_TIE)
                print(f"size {size}, gap {gap:.1e}: {sides.target.text(one.ids)!r} | {sides.target.text(other.ids)!r}")
    print(f"{len(sources)} sentences at sizes {SIZES}: {ties} near-ties, {others} other differences")
    print(machine())
    sys.exit(1 if others else 0)


if __name__ == "__main__":
    main()
