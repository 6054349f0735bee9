"""Training speed beside other toolkits: the same architecture and batch, a process for each, taking turns.

A turn starts a process, which builds its system, does a step that does not count and then a few that do; so what else
the machine does meets all alike. glibc's allocator and, where it is found, tcmalloc are tried for every other system.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import contextmanager
from ctypes.util import find_library
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from bench import show
from steps import SHAPES

PRECISIONS = ("float32", "bfloat16")


class Entry(NamedTuple):
    """Who takes part, and how."""

    system: str
    shape: str
    precision: str
    allocator: str = ""  # put before glibc's

    def turn(self, steps: int, peers: Path | None) -> float:
        """Return the target tokens/s of a few steps in a process of their own, 0 if it does not run here."""
        command = [sys.executable, __file__, "--turn", *self[:3], str(steps)]
        environment = os.environ | ({"LD_PRELOAD": self.allocator} if self.allocator else {})
        if peers and self.system != "regard":
            environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(peers.resolve()), os.getenv("PYTHONPATH")]))
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["no word"])[-1]
            print(f"{self.system}, {self.precision}: does not run here: {reason}", file=sys.stderr)
            return 0.0
        return float(done.stdout.splitlines()[-1])


def take_turn(system: str, shape: str, precision: str, count: str) -> None:
    """Build a system and print its tokens/s."""
    from peers import peer_steps
    from regard.training.precision import keep_memory
    from steps import steps

    make: Callable[..., Any]
    if system == "regard":
        keep_memory()
        make, arguments = contextmanager(steps), (SHAPES[shape], precision)
    else:
        make, arguments = contextmanager(peer_steps), (system, SHAPES[shape], precision)
    with make(*arguments) as step:
        step()
        started, tokens = time.perf_counter(), 0
        for _ in range(int(count)):
            tokens += step()
        print(tokens / (time.perf_counter() - started))


def compare(
    shape: str, systems: list[str], precisions: list[str], rounds: int, steps: int, peers: Path | None
) -> list[dict[str, Any]]:
    """Return a row for each system that runs, fastest first, with its speed over that of the best other one."""
    tcmalloc = find_library("tcmalloc_minimal") or find_library("tcmalloc")
    entries = [Entry(*row) for row in product(systems, [shape], precisions, ["", tcmalloc] if tcmalloc else [""])]
    entries = [entry for entry in entries if entry.system != "regard" or not entry.allocator]
    speeds: dict[Entry, list[float]] = {entry: [] for entry in entries}
    for _ in range(rounds):
        for entry, measured in speeds.items():
            if 0.0 not in measured:
                measured.append(entry.turn(steps, peers))
    medians = {entry: median(measured) for entry, measured in speeds.items() if 0.0 not in measured}
    best = max((speed for entry, speed in medians.items() if entry.system != "regard"), default=float("nan"))
    return [
        {
            "shape": shape,
            "system": entry.system,
            "precision": entry.precision,
            "allocator": entry.allocator or "glibc",
            "target tok/s": round(speed),
            "over the best peer": speed / best,
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
    parser.add_argument("--turn", nargs=4, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.turn:
        take_turn(*args.turn)
        return
    from peers import PEERS

    systems = args.systems or ["regard", *PEERS]
    settings = args.precision, args.rounds, args.steps, args.peers
    show([row for shape in args.shapes for row in compare(shape, systems, *settings)])


if __name__ == "__main__":
    main()
