"""Multi30k English to German: BLEU on test2016 as papers count it, and cased sacreBLEU beside it.

Paper-style: output and reference are lower-cased and Moses-tokenised, for scoring only; the model reads and writes raw,
cased text. Settings were chosen on val; test2016 is scored once, at the end.
"""

import gzip
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sacremoses import MosesTokenizer

from bench import arguments, conclude, config_for, data_folder, place, train
from regard.inference.translator import Translator
from regard.metrics.sacrebleu import Bleu, Chrf
from regard.metrics.significance import score_with_interval


def lines(path: Path) -> list[str]:
    """Return the lines of a gzip file."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return file.read().rstrip("\n").split("\n")


def training_command(data: Path, out: Path, *more: str) -> list[str]:
    """Return the command that learns English to German, as a user would give it."""
    names = {"source": "train.en", "target": "train.de", "valid": "val.en", "valid-target": "val.de"}
    pairs = [word for name, file in names.items() for word in (f"--{name}", str(data / f"{file}.gz"))]
    return [sys.executable, "-m", "regard", "train", *pairs, "--out", str(out), *more]


def paper_style(texts: Sequence[str], language: str) -> list[str]:
    """Return texts lower-cased and Moses-tokenised."""
    moses = MosesTokenizer(language)
    return [moses.tokenize(text.lower(), return_str=True, escape=False) for text in texts]


def scores(outputs: Sequence[str], references: Sequence[str], language: str, split: str) -> dict[str, Any]:
    """Return the figures of one split."""
    ours = paper_style(outputs, language)
    theirs = [[text] for text in paper_style(references, language)]
    paper = score_with_interval(Bleu(tokenize="none"), ours, theirs)
    cased = Bleu().score(outputs, [[text] for text in references])
    chrf = Chrf().score(outputs, [[text] for text in references])
    low, high = paper.interval or (paper.value, paper.value)
    return {
        f"{split} paper-style": paper.value,
        f"{split} 95 %": f"{low:.1f}-{high:.1f}",
        f"{split} cased": cased.value,
        f"{split} chrF": chrf.value,
    }


def main() -> None:
    """Train one model per seed and print a row for each."""
    parser = arguments(__doc__ or "", "tiny")
    parser.add_argument("--target", default="de", choices=("de", "fr", "cs"), help="language to write; default: de")
    parser.add_argument("--val-only", action="store_true", help="leave test2016 alone, as while choosing settings")
    args = parser.parse_args()
    data, rows = data_folder(args.data, "multi30k"), []
    for seed in range(1, args.seeds + 1):
        task = {
            "kind": "files",
            "train": str(data / "train.en.gz"),
            "train_target": str(data / f"train.{args.target}.gz"),
            "valid": str(data / "val.en.gz"),
            "valid_target": str(data / f"val.{args.target}.gz"),
            "metrics": ["bleu", "chrf"],
        }
        run, seconds = train(config_for(task, args, seed), place(args.out, seed))
        translator = Translator.load(run.path)
        row: dict[str, Any] = {"preset": args.preset, "seed": seed, "minutes": seconds / 60}
        for split in ("val",) if args.val_only else ("val", "test_2016_flickr"):
            sources, references = (lines(data / f"{split}.{side}.gz") for side in ("en", args.target))
            outputs = [translation.text for translation in translator.translate(sources)]
            (run.path / f"{split}.{args.target}").write_text("\n".join(outputs) + "\n", encoding="utf-8")
            row |= scores(outputs, references, args.target, split.removesuffix("_flickr").replace("_", ""))
        rows.append(row)
    conclude(args.out, rows)


if __name__ == "__main__":
    main()
