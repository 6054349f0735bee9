"""CMUdict, letters to phones: WER and PER on words held out by hash, references pooled.

Trained on the training side of the standard split, less 2,670 words; the standard test list is not here.
"""

import gzip
from hashlib import sha256
from typing import Any

from bench import arguments, conclude, config_for, data_folder, place, train
from regard.data.pairs import Pair
from regard.inference.translator import Translator
from regard.metrics.accuracy import PhoneErrorRate, WordErrorRate
from regard.metrics.significance import score_with_interval
from regard.tasks.base import Splits

TEST, VALID = 2670, 1000


def splits(lines: list[str]) -> tuple[Splits, dict[str, list[str]]]:
    """Hold words out by hash: the first 2,670 to test, the next 1,000 to choose by; return the test references too."""
    pronunciations: dict[str, list[str]] = {}
    for line in lines:
        word, _, phones = line.partition("\t")
        pronunciations.setdefault(word, []).append(phones)
    order = sorted(pronunciations, key=lambda word: sha256(word.encode()).hexdigest())
    test, valid, train_words = order[:TEST], order[TEST : TEST + VALID], sorted(order[TEST + VALID :])

    def pairs(words: list[str]) -> list[Pair]:
        return [
            Pair(word, first, tuple(others), number)
            for number, word in enumerate(words, start=1)
            for first, *others in [pronunciations[word]]
        ]

    return Splits(pairs(train_words), pairs(valid)), {word: pronunciations[word] for word in test}


def main() -> None:
    """Train one model per seed and print a row for each."""
    parser = arguments(__doc__ or "", "g2p")
    parser.add_argument("--part", type=int, default=1, metavar="N", help="learn from every Nth word only")
    parser.add_argument("--val-only", action="store_true", help="leave the test words alone")
    args = parser.parse_args()
    file = data_folder(args.data, "g2p") / "cmudict-pronasyl.train.tsv.gz"
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        data, test = splits(lines.read().rstrip("\n").split("\n"))
    data = Splits(data.train[:: args.part], data.valid)
    rows = []
    for seed in range(1, args.seeds + 1):
        config = config_for({"kind": "files", "train": str(file)}, args, seed)
        run, seconds = train(config, place(args.out, seed), data)
        row: dict[str, Any] = {"preset": args.preset, "seed": seed, "minutes": seconds / 60}
        if args.val_only:
            best = run.status()["best"]
            rows.append(row | {f"val {name}": best[name] for name in ("loss", "wer", "per")})
            continue
        outputs = [translation.text for translation in Translator.load(run.path).translate(list(test))]
        row |= {"words": len(test)}
        for metric in (WordErrorRate(), PhoneErrorRate()):
            result = score_with_interval(metric, outputs, list(test.values()))
            low, high = result.interval or (result.value, result.value)
            row |= {metric.name.upper(): result.value, f"{metric.name} 95 %": f"{low:.2f}-{high:.2f}"}
        rows.append(row)
    conclude(args.out, rows)


if __name__ == "__main__":
    main()
