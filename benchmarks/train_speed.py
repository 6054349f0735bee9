"""Training speed beside other toolkits: the same architecture and batch, a process for each, taking turns.

A turn starts a process, which builds its system, does a step that does not count and then a few that do; so what else
the machine does meets all alike. glibc's allocator and, where it is found, tcmalloc are tried for every system. Batches
are full of random words, or with --real those that Multi30k gives, padding and all; only real tokens count.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import contextmanager
from ctypes.util import find_library
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from bench import show
from processes import LIMITS, most_resident
from steps import SHAPES, padding, read_batches, write_batches

PRECISIONS = ("float32", "bfloat16")

REAL_BATCHES = 40


class Entry(NamedTuple):
    """Who takes part, and how."""

    system: str
    shape: str
    precision: str
    allocator: str = ""  # put before glibc's

    def turn(self, steps: int, peers: Path | None, batches: Path | None) -> "Turn":
        """Return how a few steps went in a process of their own, nothing if it does not run here."""
        command = [sys.executable, __file__, "--turn", *self[:3], str(steps), str(batches or "")]
        environment = os.environ | ({"LD_PRELOAD": self.allocator} if self.allocator else {})
        if peers and self.system != "regard":
            environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(peers.resolve()), os.getenv("PYTHONPATH")]))
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["no word"])[-1]
            print(f"{self.system}, {self.precision}: does not run here: {reason}", file=sys.stderr)
            return Turn(0.0, 0.0)
        return Turn(*map(float, done.stdout.splitlines()[-1].split()))


class Turn(NamedTuple):
    """What a process measured."""

    speed: float  # target tokens/s
    memory: float  # most resident, MiB


def take_turn(system: str, shape: str, precision: str, count: str, file: str) -> None:
    """Build a system and print its tokens/s, and the most memory that was resident, in MiB."""
    from peers import peer_steps
    from regard.training.precision import keep_memory
    from steps import steps

    make: Callable[..., Any]
    batches = read_batches(Path(file)) if file else []
    if system == "regard":
        keep_memory()
        make, arguments = contextmanager(steps), (SHAPES[shape], precision, batches)
    else:
        make, arguments = contextmanager(peer_steps), (system, SHAPES[shape], precision, batches)
    with make(*arguments) as step:
        step()
        started, tokens = time.perf_counter(), 0
        for _ in range(int(count)):
            tokens += step()
        print(tokens / (time.perf_counter() - started), most_resident())


def compare(
    shape: str, systems: list[str], precisions: list[str], rounds: int, steps: int, *files: Path | None
) -> list[dict[str, Any]]:
    """Return a row for each system that runs, fastest first, with its speed over that of the best other one.

    `files` are the folder of other systems' packages, and the batches.
    """
    tcmalloc = find_library("tcmalloc_minimal") or find_library("tcmalloc")
    entries = [Entry(*row) for row in product(systems, [shape], precisions, ["", tcmalloc] if tcmalloc else [""])]
    turns: dict[Entry, list[Turn]] = {entry: [] for entry in entries}
    for _ in range(rounds):
        for entry, measured in turns.items():
            if all(turn.speed for turn in measured):
                measured.append(entry.turn(steps, *files))
    ran = {entry: measured for entry, measured in turns.items() if all(turn.speed for turn in measured)}
    medians = {entry: median(turn.speed for turn in measured) for entry, measured in ran.items()}
    best = max((speed for entry, speed in medians.items() if entry.system != "regard"), default=float("nan"))
    return [
        {
            "shape": shape,
            "system": entry.system,
            "precision": entry.precision,
            "allocator": entry.allocator or "glibc",
            "target tok/s": round(speed),
            "over the best peer": speed / best,
            "MiB": round(max(turn.memory for turn in ran[entry])),
        }
        for entry, speed in sorted(medians.items(), key=lambda item: -item[1])
    ]


def main() -> None:
    """Print a row for each system, precision and allocator."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shapes", nargs="+", default=list(SHAPES), choices=list(SHAPES))
    parser.add_argument("--precision", nargs="+", default=list(PRECISIONS), choices=PRECISIONS)
    parser.add_argument("--systems", nargs="+", help="default: regard and every peer")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each system; the median counts; default: 5")
    parser.add_argument("--steps", type=int, default=5, help="steps in a turn; default: 5")
    parser.add_argument("--peers", type=Path, help="folder of other systems' packages, as peers.txt fills it")
    parser.add_argument("--real", action="store_true", help="batches of Multi30k, not random ones without padding")
    parser.add_argument("--data", help="folder with the data sets; default: $REGARD_DATA, else ../shared/data")
    parser.add_argument("--limit", choices=LIMITS, help="do without the instructions that came after these, all alike")
    parser.add_argument("--turn", nargs=5, help=argparse.SUPPRESS)
    args = parser.parse_args()
    os.environ |= LIMITS.get(args.limit, {})
    if args.turn:
        take_turn(*args.turn)
        return
    from peers import PEERS

    systems, rows = args.systems or ["regard", *PEERS], []
    with tempfile.TemporaryDirectory() as folder:
        for shape in args.shapes:
            batches = Path(folder) / f"{shape}.json" if args.real else None
            if batches:
                write_batches(args.data, SHAPES[shape], REAL_BATCHES, batches)
                print(f"{shape}: {padding(read_batches(batches)):.1%} of the batches is padding")
            settings = args.precision, args.rounds, args.steps, args.peers, batches
            rows += compare(shape, systems, *settings)
    show(rows)


if __name__ == "__main__":
    main()
