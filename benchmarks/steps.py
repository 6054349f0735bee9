"""Single training steps of the product's own loop, on pairs made of random words: what the speed benchmarks time."""

import random
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from regard.cli.progress import SilentView
from regard.config import Values
from regard.data.batch import Batch
from regard.data.pairs import Pair
from regard.experiment import resolve
from regard.run import Run
from regard.tasks.base import Splits
from regard.training.loop import Trainer

WORDS = 9_996
VOCABULARY = WORDS + 4
"""Of both sides, the four reserved ids among them."""


@dataclass(frozen=True)
class Shape:
    """A model and its batches: so many sentences of so many tokens on either side, end tokens included."""

    layers: int
    d_model: int
    d_ff: int
    dropout: float
    heads: int = 4
    sentences: int = 128
    tokens: int = 32

    def settings(self, precision: str) -> Values:
        """Return the settings of a training: pre-norm, every kind of dropout, label smoothing, clipping, Adam."""
        sides = {"kind": "spaced"}
        return {
            "text": {"source": sides, "target": sides, "shared": True},
            "model": {
                "kind": "transformer",
                "encoder_layers": self.layers,
                "decoder_layers": self.layers,
                "d_model": self.d_model,
                "d_ff": self.d_ff,
                "heads": self.heads,
                "dropout": self.dropout,
                "attention_dropout": 0.1,
                "inner_dropout": 0.1,
                "residual": {"kind": "pre-norm"},
            },
            "training": {
                "batch_tokens": self.sentences * self.tokens,
                "label_smoothing": 0.1,
                "clip": 1.0,
                "optimizer": {"kind": "adam", "rate": 0.001},
                "precision": precision,
            },
        }


SHAPES = {"tiny": Shape(4, 128, 256, 0.3), "small": Shape(6, 512, 1024, 0.1)}


def random_pairs(shape: Shape, count: int) -> list[Pair]:
    """Return pairs in which every word occurs and all sentences are equally long."""
    dice = random.Random(1)
    words = [f"w{i}" for i in range(WORDS)]
    pool = words * (1 + 2 * count * shape.tokens // WORDS)
    dice.shuffle(pool)
    drawn = iter(pool)
    texts = [" ".join(islice(drawn, shape.tokens - 1)) for _ in range(2 * count)]
    return [Pair(source, target, (), i) for i, (source, target) in enumerate(zip(texts[::2], texts[1::2], strict=True))]


def trainer(shape: Shape, precision: str, folder: Path) -> Trainer:
    """Return the product's trainer for a shape, as `regard train` makes it."""
    pairs = random_pairs(shape, 20 * shape.sentences)
    splits = Splits(pairs[shape.sentences :], pairs[: shape.sentences])
    config = resolve({"task": {"kind": "files", "train": "random.tsv"}}, shape.settings(precision))
    return Run.create(folder / "run", config, splits).trainer(splits, SilentView(), lambda: False)


def steps(shape: Shape, precision: str) -> Iterator[Callable[[], int]]:
    """Yield one function that does a step and returns how many target tokens it learnt from."""
    with tempfile.TemporaryDirectory() as folder:
        made = trainer(shape, precision, Path(folder))
        batches: Iterator[tuple[int, Batch]] = made.examples.batches(made.config.batch_tokens, 1, 0)

        def step() -> int:
            epoch, batch = next(batches)
            made.update([batch], epoch)
            return batch.tokens

        yield step
