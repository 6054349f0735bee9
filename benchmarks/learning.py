"""Copy, reverse and sort: exact match on strings that were never trained on, seed by seed.

26 letters, 4 to 20 of them; what is wrong here is wrong everywhere.
"""

from typing import Any

from bench import arguments, conclude, config_for, train
from regard.inference.translator import Translator
from regard.metrics.accuracy import ExactMatch
from regard.tasks.base import build_task

FAMILIES = {"transformer": ("copy", "reverse", "sort"), "recurrent": ("reverse",)}


def main() -> None:
    """Train every task with every seed and print a row for each."""
    parser = arguments(__doc__ or "", "letters")
    parser.set_defaults(seeds=5)
    parser.add_argument("--family", default="transformer", choices=tuple(FAMILIES), help="default: transformer")
    args = parser.parse_args()
    preset = args.preset if args.family == "transformer" else f"{args.preset}-{args.family}"
    rows = []
    for task in FAMILIES[args.family]:
        for seed in range(1, args.seeds + 1):
            config = config_for({"kind": task, "seed": seed}, args, seed, preset)
            splits = build_task(config.task).splits()
            run, seconds = train(config, f"{args.out}/{task}-{seed}", splits)
            outputs = Translator.load(run.path).translate([pair.source for pair in splits.test])
            result = ExactMatch().score([out.text for out in outputs], [[pair.target] for pair in splits.test])
            row: dict[str, Any] = {"task": task, "family": args.family, "seed": seed, "minutes": seconds / 60}
            rows.append(row | {"exact match": result.value, "strings": len(splits.test)})
    conclude(args.out, rows)


if __name__ == "__main__":
    main()
