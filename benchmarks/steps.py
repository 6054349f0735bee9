"""Single training steps of the product's own loop, on random or on real batches: what the speed benchmarks time."""

import json
import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

from bench import data_folder
from regard.cli.progress import SilentView
from regard.config import Values
from regard.data.batch import Batch
from regard.data.pairs import Pair
from regard.experiment import resolve
from regard.run import Run
from regard.tasks.base import Splits, build_task
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


def write_batches(data: str | None, shape: Shape, count: int, file: Path) -> None:
    """Write the first batches that Multi30k gives, in as many subword pieces as `random_pairs` has words."""
    multi30k = data_folder(data, "multi30k")
    sides = {"kind": "unigram", "vocabulary": VOCABULARY}
    task = {"kind": "files", "train": str(multi30k / "train.en.gz"), "train_target": str(multi30k / "train.de.gz")}
    values = shape.settings("float32") | {"text": {"source": sides, "target": sides, "shared": True}}
    config = resolve({"task": task}, values)
    splits = build_task(config.task).splits()
    with tempfile.TemporaryDirectory() as folder:
        made = Run.create(Path(folder) / "run", config, splits).trainer(splits, SilentView(), lambda: False)
        batches = [batch for _, batch in islice(made.examples.batches(made.config.batch_tokens, 1, 0), count)]
        encoded = made.examples.encoded
        rows = [[[ids[i] for i in batch.pairs] for ids in (encoded.sources, encoded.targets)] for batch in batches]
    file.write_text(json.dumps(rows), encoding="utf-8")


def read_batches(file: Path) -> list[Batch]:
    """Return what `write_batches` wrote."""
    return [Batch.of(sources, targets) for sources, targets in json.loads(file.read_text(encoding="utf-8"))]


def padding(batches: Sequence[Batch]) -> float:
    """Return the share of padding on both sides of batches."""
    sides = [side for batch in batches for side in (batch.source, batch.target_in)]
    return 1 - sum(int(side.lengths.sum()) for side in sides) / sum(side.ids.numel() for side in sides)


def steps(shape: Shape, precision: str, batches: Sequence[Batch] = ()) -> Iterator[Callable[[], int]]:
    """Yield one function that does a step and returns how many target tokens it learnt from.

    Batches are those given, again and again; without any, they come from the product's own path.
    """
    with tempfile.TemporaryDirectory() as folder:
        made = trainer(shape, precision, Path(folder))
        own = (batch for _, batch in made.examples.batches(made.config.batch_tokens, 1, 0))
        following = cycle(batches) if batches else own

        def step() -> int:
            batch = next(following)
            made.update([batch], 1)
            return batch.tokens

        yield step
