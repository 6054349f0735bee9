"""How near a training step is to what the machine's matrix products alone would take.

For each shape and precision: the product's own step, the best square product of the same run, and the model's own
products at the rates that they reach one by one.
"""

import argparse
import time
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

import torch

from bench import show
from regard.training.precision import keep_memory
from steps import SHAPES, VOCABULARY, Shape, steps

TYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def products(shape: Shape) -> dict[tuple[int, int], int]:
    """Return rows and columns of every weight matrix that tokens pass through, with how many there are."""
    m, f = shape.d_model, shape.d_ff
    return {(m, m): 12 * shape.layers, (f, m): 2 * shape.layers, (m, f): 2 * shape.layers, (VOCABULARY, m): 1}


def seconds(call: Callable[[], object], repeat: int = 9) -> float:
    """Return the median time of a call, after two that do not count."""
    times = []
    for i in range(repeat + 2):
        started = time.perf_counter()
        call()
        if i >= 2:
            times.append(time.perf_counter() - started)
    return sorted(times)[len(times) // 2]


def floor(shape: Shape, dtype: torch.dtype) -> float:
    """Return the seconds that all products of a step take at their own rates: forwards, and twice on the way back."""
    tokens, total = shape.sentences * shape.tokens, 0.0
    for (rows, columns), count in products(shape).items():
        x, weight = torch.randn(tokens, columns).to(dtype), torch.randn(rows, columns).to(dtype)
        grad = torch.randn(tokens, rows).to(dtype)
        for call in (lambda: x @ weight.T, lambda: grad @ weight, lambda: grad.T @ x):  # noqa: B023
            total += count * seconds(call)
    return total


def flops(shape: Shape) -> float:
    """Return the multiplications and additions of a step's products, attention's own among them."""
    tokens = shape.sentences * shape.tokens
    weights = sum(rows * columns * count for (rows, columns), count in products(shape).items())
    attention = 3 * shape.layers * 2 * shape.tokens * shape.d_model  # scores and averages, three kinds
    return 6.0 * tokens * (weights + attention)


def main() -> None:
    """Print a row for each shape and precision."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shapes", nargs="+", default=list(SHAPES), choices=list(SHAPES))
    parser.add_argument("--precision", nargs="+", default=list(TYPES), choices=list(TYPES))
    parser.add_argument("--rounds", type=int, default=5, help="rounds of ten steps; the best counts; default: 5")
    parser.add_argument("--profile", action="store_true", help="show instead what a step spends its time in")
    args = parser.parse_args()
    keep_memory()
    if args.profile:
        pairs = ((name, precision) for name in args.shapes for precision in args.precision)
        show([part for name, precision in pairs for part in profile(SHAPES[name], name, precision)])
        return
    show([row(SHAPES[name], name, precision, args.rounds) for name in args.shapes for precision in args.precision])


def profile(shape: Shape, name: str, precision: str) -> list[dict[str, Any]]:
    """Return what takes a hundredth of a step or more, by torch's profiler, over five steps."""
    with contextmanager(steps)(shape, precision) as step:
        for _ in range(5):
            step()
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as seen:
            for _ in range(5):
                step()
    parts = sorted(seen.key_averages(), key=lambda part: -part.self_cpu_time_total)
    whole = sum(part.self_cpu_time_total for part in parts)
    return [
        {
            "shape": name,
            "precision": precision,
            "part": part.key,
            "ms a step": part.self_cpu_time_total / 5000,
            "share of it %": 100 * part.self_cpu_time_total / whole,
        }
        for part in parts
        if part.self_cpu_time_total >= 0.01 * whole
    ]


def row(shape: Shape, name: str, precision: str, rounds: int) -> dict[str, Any]:
    """Measure a shape: the best of so many rounds of ten steps."""
    dtype = TYPES[precision]
    square = torch.randn(2048, 2048).to(dtype)
    with contextmanager(steps)(shape, precision) as step:
        best = min(seconds(step, 10) for _ in range(rounds))
    peak = 2 * 2048**3 / seconds(lambda: square @ square) / 1e12
    done, own = flops(shape) / best / 1e12, floor(shape, dtype)
    return {
        "shape": name,
        "precision": precision,
        "target tok/s": round(shape.sentences * shape.tokens / best),
        "ms a step": 1000 * best,
        "TFLOP/s": done,
        "best square": peak,
        "share of it %": 100 * done / peak,
        "own products ms": 1000 * own,
        "share of the step %": 100 * own / best,
    }


if __name__ == "__main__":
    main()
