"""The text of the native engine beside that of torch in float32: Multi30k val and test2016, in every precision.

Both search alike. Outputs that differ though their scores are within 1e-4 are ties: sums of numbers of 24 bits come out
a little different in another order, and so may which of two equal ones is the greater. Beside a difference of BLEU is
its interval of 95 % and how often chance alone makes one as great (`regard compare` says how).
"""

import argparse
from pathlib import Path
from typing import Any

from bench import data_folder, show
from decode_speed import BEAMS
from multi30k import lines
from regard.decoding.types import BeamConfig, DecodingConfig, GreedyConfig, PowerNormalisation
from regard.inference.translator import Translator
from regard.metrics.sacrebleu import Bleu
from regard.metrics.significance import compare_outputs

TIE = 1e-4
SPLITS = {"val": "val", "test": "test_2016_flickr"}
PRECISIONS = ("float32", "bfloat16", "int8")


def compare(run: str, data: Path, search: str, precisions: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return a row for each split and precision."""
    config: DecodingConfig = (
        GreedyConfig() if BEAMS[search] == 1 else BeamConfig(beams=BEAMS[search], length=PowerNormalisation())
    )
    engines = {name: Translator.load(run, engine="native", precision=name).engine for name in precisions}
    torch, made = Translator.load(run, engine="torch", precision="float32"), []
    split, join = torch.folder.sides.source.tokenizer.split, torch.folder.sides.target.tokenizer.join
    for part, file in SPLITS.items():
        sources = [split(line) for line in lines(data / f"{file}.en.gz")]
        references = [[line] for line in lines(data / f"{file}.de.gz")]
        expected = [found[0] for found in torch.engine.translate(sources, config)]
        exact = [join(found.tokens) for found in expected]
        for precision, engine in engines.items():
            found = [hypotheses[0] for hypotheses in engine.translate(sources, config)]
            different = [(a, b) for a, b in zip(found, expected, strict=True) if a.tokens != b.tokens]
            texts = [join(one.tokens) for one in found]
            beside = compare_outputs(Bleu(), exact, texts, references)
            made.append(
                {
                    "search": search,
                    "split": part,
                    "precision": precision,
                    "sentences": len(sources),
                    "same": len(sources) - len(different),
                    "ties": sum(abs(a.score - b.score) < TIE for a, b in different),
                    "BLEU": beside.second,
                    "torch float32": beside.first,
                    "difference": beside.difference,
                    "95 %": "{:+.2f} to {:+.2f}".format(*beside.interval),
                    "p": beside.p_value,
                }
            )
    return made


def main() -> None:
    """Print a row for each model, search, split and precision."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", nargs="+", required=True, metavar="RUN", help="trained runs, English to German")
    parser.add_argument("--data", help="folder with the data sets; default: $REGARD_DATA, else ../shared/data")
    parser.add_argument("--search", nargs="+", default=list(BEAMS), choices=list(BEAMS))
    parser.add_argument("--precision", nargs="+", default=list(PRECISIONS), choices=PRECISIONS)
    args = parser.parse_args()
    data = data_folder(args.data, "multi30k")
    for run in args.model:
        rows = (compare(run, data, search, tuple(args.precision)) for search in args.search)
        show([{"model": Path(run).name, **row} for several in rows for row in several])


if __name__ == "__main__":
    main()
