"""What the place for an observer costs when nobody looks: with it and with it cut out of the attention, in turns.

Training steps are the product's own, decoding is the torch engine's: the native engine, which has no such place, takes
no part. A ratio of 1 says that it costs nothing; the interval of 95 % is by bootstrap over turns.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from bench import show
from regard.decoding.types import GreedyConfig
from regard.inference.torch_engine import TorchEngine
from regard.layers import kernels
from regard.layers.attention import MultiHeadAttention
from regard.layers.cache import KeysValues
from regard.metrics.significance import ratio_interval
from regard.model_folder import ModelFolder
from steps import SHAPES, steps, trainer

SENTENCES, LONGEST = 32, 32


def average(
    self: MultiHeadAttention,
    q: Tensor,
    seen: KeysValues,
    mask: Tensor | None = None,
    bias: Tensor | None = None,
    *,
    causal: bool = False,
) -> Tensor:
    """Do what `MultiHeadAttention.average` does, of a model that nobody can look into."""
    k, v = seen.keys, seen.values
    if self.groups > 1:
        k, v = k.repeat_interleave(self.groups, dim=1), v.repeat_interleave(self.groups, dim=1)
    context = kernels.attention(q, k, v, mask, bias, causal=causal, p=self.dropout)
    return self.output(context.transpose(1, 2).flatten(start_dim=2))


@contextmanager
def cut_out() -> Iterator[None]:
    """Let attentions have no place for an observer for a while."""
    kept = MultiHeadAttention.average
    MultiHeadAttention.average = average  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        MultiHeadAttention.average = kept  # type: ignore[method-assign]


def ratio(what: str, once: Callable[[], Any], turns: int) -> dict[str, Any]:
    """Return how long `once` takes with the place over without it; which of both goes first changes every turn."""

    def seconds() -> float:
        began = time.perf_counter()
        once()
        return time.perf_counter() - began

    once()
    spent = np.empty((turns, 2))
    for turn in range(turns):
        for without in (False, True) if turn % 2 else (True, False):
            if without:
                with cut_out():
                    spent[turn, 1] = seconds()
            else:
                spent[turn, 0] = seconds()
    low, high = ratio_interval(spent[:, 0], spent[:, 1])
    with_place, without_place = spent.sum(axis=0)
    return {
        "what": what,
        "turns": turns,
        "seconds with": with_place / turns,
        "without": without_place / turns,
        "ratio": with_place / without_place,
        "95 %": f"{low:.4f}-{high:.4f}",
    }


def main() -> None:
    """Print a row for training and one for decoding."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=20, help="default: 20")
    args = parser.parse_args()
    shape = SHAPES["tiny"]
    with contextmanager(steps)(shape, "float32") as step:
        rows = [ratio("training step, tiny", step, args.turns)]
    with tempfile.TemporaryDirectory() as folder:
        made = trainer(shape, "float32", Path(folder))
        made.checkpoints.save_model("model", made.model.state_dict())
        engine = TorchEngine.load([ModelFolder.open(made.checkpoints.run / "model")])
    sources = [[f"w{i * LONGEST + j}" for j in range(LONGEST)] for i in range(SENTENCES)]
    search = GreedyConfig(max_length=LONGEST)
    rows.append(ratio("greedy decoding, tiny", lambda: list(engine.translate(sources, search)), args.turns))
    show(rows)


if __name__ == "__main__":
    main()
