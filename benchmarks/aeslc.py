"""AESLC, e-mails to subject lines: ROUGE on dev, against the subject that the writer gave.

A part of train is held out to choose settings and weights by; dev is scored once, at the end.
"""

import gzip
import json
from typing import Any

from bench import arguments, conclude, config_for, data_folder, place, train
from regard.inference.translator import Translator
from regard.metrics.rouge import Rouge1, Rouge2, RougeL
from regard.metrics.significance import score_with_interval


def main() -> None:
    """Train one model per seed and print a row for each."""
    args = arguments(__doc__ or "", "summary").parse_args()
    data, rows = data_folder(args.data, "aeslc"), []
    with gzip.open(data / "dev.jsonl.gz", "rt", encoding="utf-8") as file:
        mails = [json.loads(line) for line in file]
    for seed in range(1, args.seeds + 1):
        task = {"kind": "files", "train": str(data / "train.jsonl.gz"), "fields": ["body", "subject"]}
        run, seconds = train(config_for(task, args, seed), place(args.out, seed))
        translator = Translator.load(run.path)
        bodies = [mail["body"] for mail in mails]
        outputs = [translation.text for translation in translator.translate(bodies)]
        row: dict[str, Any] = {"preset": args.preset, "seed": seed, "minutes": seconds / 60, "mails": len(mails)}
        for metric in (Rouge1(), Rouge2(), RougeL()):
            result = score_with_interval(metric, outputs, [[mail["subject"]] for mail in mails])
            low, high = result.interval or (result.value, result.value)
            row |= {metric.name: result.value, f"{metric.name} 95 %": f"{low:.1f}-{high:.1f}"}
        rows.append(row)
    conclude(args.out, rows)


if __name__ == "__main__":
    main()
