"""Decoding speed beside other systems: the same weights in each, a process for each, taking turns.

Multi30k's test sources are translated by greedy and by beam search, all at once and one by one. Every system is tried
in all its settings, in one turn on a part of the sources; the best one, for each way to search, then takes part in
rounds of turns, so that what else the machine does meets all alike. Speed counts tokens that come out, without the end
token; texts are cut into tokens before, and joined after. Start-up lasts from the start of the process to the first
translation.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from itertools import product
from pathlib import Path
from statistics import median, quantiles
from typing import Any, NamedTuple

from processes import LIMITS, most_resident
from translators import SYSTEMS

BEAMS = {"greedy": 1, "beam 5": 5}
MODES = ("batch", "single")


class Entry(NamedTuple):
    """Who takes part, and in what."""

    system: str
    setting: str
    search: str
    mode: str


class Task(NamedTuple):
    """What a turn is told."""

    run: str
    prepared: str
    threads: int
    sources: str  # a JSON file of lists of tokens
    single: int  # sources that are translated one by one


def take_turn(entry: Entry, task: Task, started: float) -> None:
    """Translate, and print what was measured as JSON."""
    sources = json.loads(Path(task.sources).read_text(encoding="utf-8"))
    system = SYSTEMS[entry.system](Path(task.run), Path(task.prepared), entry.setting, task.threads)
    beams = BEAMS[entry.search]
    system.translate(sources[:1], beams)
    start_up = time.time() - started
    seconds, outputs = [], []
    if entry.mode == "single":
        sources = sources[: task.single]
        system.translate(sources[:5], beams)
    for part in [sources] if entry.mode == "batch" else [[source] for source in sources]:
        begin = time.perf_counter()
        outputs += system.translate(part, beams)
        seconds.append(time.perf_counter() - begin)
    measured = {"outputs": [list(tokens) for tokens in outputs], "seconds": seconds, "start": start_up}
    print(json.dumps(measured | {"memory": most_resident(), "instructions": system.instructions()}))


def turn(entry: Entry, task: Task) -> dict[str, Any]:
    """Return what a process of its own measured; nothing, with a word, if the system does not run here."""
    command = [sys.executable, __file__, "--turn", json.dumps([entry, task, time.time()])]
    environment = os.environ | {"OMP_NUM_THREADS": str(task.threads)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no word"])[-1]
        print(f"{entry.system} {entry.setting}: does not run here: {reason[-200:]}", file=sys.stderr)
        return {}
    measured: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    told = [line.partition("[info]")[2].strip(" -") for line in done.stderr.splitlines()]
    if used := [line for line in told if line.startswith(("Selected ISA", "Use Intel", "SGEMM", "GEMM_S8"))]:
        measured["instructions"] = "; ".join(used)
    return measured


def speed(measured: dict[str, Any]) -> float:
    """Return output tokens a second."""
    return sum(map(len, measured["outputs"])) / sum(measured["seconds"])


def best_settings(systems: list[str], search: str, mode: str, task: Task) -> list[Entry]:
    """Return each system that runs here in its fastest setting."""
    chosen = []
    for system in systems:
        kind = SYSTEMS[system]
        settings = kind.single_settings if mode == "single" and kind.single_settings else kind.settings
        entries = [Entry(system, setting, search, mode) for setting in settings]
        tried = {entry: speed(measured) for entry in entries if (measured := turn(entry, task))}
        if tried:
            chosen.append(max(tried, key=lambda entry: tried[entry]))
    return chosen


def compare(entries: list[Entry], task: Task, rounds: int) -> dict[Entry, list[dict[str, Any]]]:
    """Return what each entry measured in its turns."""
    turns: dict[Entry, list[dict[str, Any]]] = {entry: [] for entry in entries}
    for _ in range(rounds):
        for entry, measured in turns.items():
            if all(measured):
                measured.append(turn(entry, task))
    return {entry: measured for entry, measured in turns.items() if all(measured)}


def rows(model: str, turns: dict[Entry, list[dict[str, Any]]], judge: Any) -> list[dict[str, Any]]:
    """Return a row for each entry, with its speed over CTranslate2's."""
    speeds = {entry: median(map(speed, measured)) for entry, measured in turns.items()}
    peer = next((value for entry, value in speeds.items() if entry.system == "ctranslate2"), 0.0)
    made = []
    for entry, measured in turns.items():
        each = [1000 * second for one in measured for second in one["seconds"]]
        cuts: list[Any] = quantiles(each, n=20) if entry.mode == "single" else [""] * 19
        taken = median(sum(one["seconds"]) for one in measured)
        made.append(
            {
                "model": model,
                "search": entry.search,
                "mode": entry.mode,
                "system": f"{entry.system} {entry.setting}",
                "tok/s": round(speeds[entry]),
                "over CTranslate2": speeds[entry] / peer if peer else "",
                "sentences/s": len(measured[0]["outputs"]) / taken,
                "p50 ms": cuts[9],
                "p95 ms": cuts[18],
                "start-up s": median(one["start"] for one in measured),
                "MiB": round(max(one["memory"] for one in measured)),
                "BLEU": judge(measured[-1]["outputs"]),
            }
        )
    return sorted(made, key=lambda row: -row["tok/s"])


def prepare(run: str, systems: list[str], place: Path) -> list[str]:
    """Export the model for the systems that want another format; return the systems that can have it."""
    from regard.errors import RegardError
    from regard.interop import EXPORTS
    from regard.model_folder import ModelFolder

    able = []
    for system in systems:
        try:
            if (target := SYSTEMS[system].target) and not (place / target).exists():
                EXPORTS[target](ModelFolder.open(run), place / target, ["A man in a blue shirt."])
            able.append(system)
        except RegardError as error:
            print(f"{system}: {error}", file=sys.stderr)
    return able


def measure(run: str, data: Path, args: argparse.Namespace, place: Path) -> list[dict[str, Any]]:
    """Return the rows of a model."""
    from multi30k import lines
    from regard.metrics.sacrebleu import Bleu
    from regard.model_folder import ModelFolder

    sides = ModelFolder.open(run).sides
    pairs = list(zip(*(lines(data / f"test_2016_flickr.{side}.gz") for side in ("en", "de")), strict=True))
    pairs = pairs[: args.sources]
    for name, count in (("all", len(pairs)), ("part", min(len(pairs), args.trial))):
        tokens = [sides.source.tokenizer.split(source) for source, _ in pairs[:count]]
        (place / f"{name}.json").write_text(json.dumps(tokens), encoding="utf-8")

    def judge(outputs: list[list[str]]) -> float:
        texts = [sides.target.tokenizer.join(tokens) for tokens in outputs]
        references = [[target] for _, target in pairs[: len(texts)]]
        value: float = Bleu().score(texts, references).value
        return value

    systems, made = prepare(run, args.systems, place), []
    whole = Task(run, str(place), args.threads, str(place / "all.json"), args.single)
    for search, mode in product(args.search, args.modes):
        trial = whole._replace(sources=str(place / "part.json"), single=min(20, args.single))
        turns = compare(best_settings(systems, search, mode, trial), whole, args.rounds)
        made += rows(run, turns, judge)
        for entry, measured in turns.items():
            print(f"{search}, {mode}: {entry.system} {entry.setting} uses {measured[0]['instructions']}")
    return made


def main() -> None:
    """Print a row for each system, way to search and mode."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", nargs="+", default=[], metavar="RUN", help="trained runs, English to German")
    parser.add_argument("--data", help="folder with the data sets; default: $REGARD_DATA, else ../shared/data")
    parser.add_argument("--systems", nargs="+", default=list(SYSTEMS), choices=list(SYSTEMS))
    parser.add_argument("--search", nargs="+", default=list(BEAMS), choices=list(BEAMS))
    parser.add_argument("--modes", nargs="+", default=list(MODES), choices=MODES)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="for each system; default: all cores")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each system; the median counts; default: 3")
    parser.add_argument("--sources", type=int, default=1000, help="sentences; default: all 1,000")
    parser.add_argument("--single", type=int, default=100, help="sentences that come one by one; default: 100")
    parser.add_argument("--trial", type=int, default=200, help="sentences to choose settings on; default: 200")
    parser.add_argument("--limit", choices=LIMITS, help="do without the instructions that came after these, all alike")
    parser.add_argument("--out", type=Path, help="file for the rows as JSON")
    parser.add_argument("--turn", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.turn:
        entry, task, started = json.loads(args.turn)
        take_turn(Entry(*entry), Task(*task), started)
        return
    from bench import data_folder, machine, show
    from regard.files import write_json

    os.environ |= LIMITS.get(args.limit, {})
    if args.limit and "onnx" in args.systems:
        args.systems.remove("onnx")
        print("onnx: left out, since it has no switch for instructions")
    data, made = data_folder(args.data, "multi30k"), []
    if not args.model:
        parser.error("which model? name trained runs with --model")
    for run in args.model:
        with tempfile.TemporaryDirectory() as place:
            made += measure(run, data, args, Path(place))
    show(made)
    for name in args.systems:
        print(f"beam search of {name}: {SYSTEMS[name].rule}")
    if args.out:
        write_json(args.out, {"machine": machine(), "rows": made})


if __name__ == "__main__":
    main()
