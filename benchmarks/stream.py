"""Whether `regard translate` answers every line of a long stream, in order, while its memory stays as it is.

The lines are Multi30k's test sources over and over; what should come out is known from the first time they went
through. Memory is read at every tenth of the way.
"""

import argparse
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import IO, Any

from bench import data_folder, show
from multi30k import lines


def resident(process: int) -> float:
    """Return the memory that a process has now, in MiB."""
    rows = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
    return next(int(row.split()[1]) / 1024 for row in rows if row.startswith("VmRSS"))


def feed(pipe: IO[str], sources: Sequence[str], count: int) -> None:
    """Write so many lines, over and over the same ones."""
    for _ in range(count // len(sources)):
        pipe.writelines(f"{source}\n" for source in sources)
    pipe.writelines(f"{source}\n" for source in sources[: count % len(sources)])
    pipe.close()


def stream(command: Sequence[str], sources: Sequence[str], count: int) -> list[dict[str, Any]]:
    """Return a row for each tenth of the lines.

    Raises SystemExit at the first line that is missing or not what it was.
    """
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")
    assert process.stdin
    assert process.stdout
    feeder = threading.Thread(target=feed, args=(process.stdin, sources, count), daemon=True)
    started = time.perf_counter()
    feeder.start()
    first = [line.rstrip("\n") for line in islice(process.stdout, min(count, len(sources)))]
    done, made = len(first), []
    for line in process.stdout:
        if line.rstrip("\n") != first[done % len(sources)]:
            sys.exit(f"line {done + 1} is {line!r}, not {first[done % len(sources)]!r}")
        done += 1
        if done % (count // 10) == 0:
            taken = time.perf_counter() - started
            made.append({"lines": done, "seconds": taken, "lines/s": done / taken, "MiB": resident(process.pid)})
    if process.wait() or done != count:
        sys.exit(f"{done} of {count} lines were answered")
    return made


def main() -> None:
    """Print a row for each tenth of the way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, metavar="RUN", help="a trained run, English to German")
    parser.add_argument("--data", help="folder with the data sets; default: $REGARD_DATA, else ../shared/data")
    parser.add_argument("--lines", type=int, default=1_000_000, help="default: 1,000,000")
    parser.add_argument("--precision", default="int8", help="default: int8")
    args = parser.parse_args()
    sources = lines(data_folder(args.data, "multi30k") / "test_2016_flickr.en.gz")
    command = [sys.executable, "-m", "regard", "translate", args.model, "--beams", "1"]
    show(stream([*command, "--precision", args.precision], sources, args.lines))


if __name__ == "__main__":
    main()
