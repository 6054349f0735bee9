"""regard shortlist: learn which output words a source calls for, so that translating need not think of the others."""

import argparse
from typing import TYPE_CHECKING

from regard.cli.pairs import add_pair_arguments, pair_files
from regard.errors import UsageError

if TYPE_CHECKING:
    from regard.data.pairs import Pair
    from regard.run import Run


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `regard shortlist`."""
    parser.add_argument("run", metavar="RUN", help="folder of a run or of a model")
    add_pair_arguments(parser, required=False)
    parser.epilog = (
        "Learns from the pairs that the run learnt from, unless others are named. The list lies in the model folder;\n"
        "regard translate --shortlist uses it, and regard evaluate --shortlist measures what it costs."
    )


def run(args: argparse.Namespace) -> int:
    """Learn, write, and tell how much of the run's held-out targets the list covers."""
    from regard.cli.measured import held_out
    from regard.data.pairs import read_pairs
    from regard.inference.shortlist import Shortlist
    from regard.model_folder import ModelFolder
    from regard.run import run_of

    folder, of, files = ModelFolder.open(args.run, weights=False), run_of(args.run), pair_files(args)
    pairs = read_pairs(files) if files else _own_pairs(of, args.run)
    learnt = Shortlist.learn(folder, ((pair.source, pair.target) for pair in pairs))
    path = learnt.save(folder)
    print(f"{len(learnt.common):,} tokens for any source, and up to {learnt.longest} more for each of its tokens")
    if of is not None:
        coverage = learnt.coverage(folder, ((pair.source, pair.target) for pair in held_out(of, args.run)))
        print(f"held out: {coverage.words}")
    print(f"written: {path}\nNext:")
    for command in (f"evaluate {args.run} PAIRS --shortlist", f"translate {args.run} FILE --shortlist"):
        print(f"  regard {command}")
    return 0


def _own_pairs(run: "Run | None", path: str) -> "list[Pair]":
    if run is None:
        raise UsageError("which pairs? it lies in no run", where=path, hint="name a file of pairs")
    return list(run.splits().train)
