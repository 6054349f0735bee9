"""Which pairs learn together: batches by token count from pairs of like length, in an order given by a seed.

The order is a function of (seed, epoch), so that a run resumes at any batch without a record of what was drawn.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from regard.data.batch import Batch
from regard.data.encode import EncodedPairs, Ids
from regard.text.sides import Sides, TextConfig


@dataclass(frozen=True, slots=True)
class Lengths:
    """Tokens of every pair, end tokens included."""

    source: NDArray[np.int64]
    target: NDArray[np.int64]

    @classmethod
    def of(cls, sources: Sequence[Ids], targets: Sequence[Ids]) -> "Lengths":
        """Count the tokens of both sides."""
        return cls(
            np.fromiter((len(ids) + 1 for ids in sources), np.int64, len(sources)),
            np.fromiter((len(ids) + 1 for ids in targets), np.int64, len(targets)),
        )


def epoch_batches(lengths: Lengths, batch_tokens: int, seed: int, epoch: int) -> list[NDArray[np.int64]]:
    """Return the pairs of each batch of an epoch, every pair once.

    A batch holds at most `batch_tokens` real tokens on its larger side (one pair at least). Pairs are sorted by
    length after a shuffle, so that pairs of one length meet others in every epoch, and the batches are shuffled.
    """
    random = np.random.Generator(np.random.Philox(key=[seed, epoch]))
    order = random.permutation(len(lengths.source))
    order = order[np.lexsort((lengths.source[order], lengths.target[order]))]
    cuts = _cuts(lengths.source[order], lengths.target[order], batch_tokens)
    batches = np.split(order, cuts)
    return [batches[i] for i in random.permutation(len(batches))]


def _cuts(sources: NDArray[np.int64], targets: NDArray[np.int64], batch_tokens: int) -> list[int]:
    source_sums, target_sums = np.cumsum(sources), np.cumsum(targets)
    cuts: list[int] = []
    first = 0
    while True:
        source_end = np.searchsorted(source_sums, batch_tokens + (source_sums[first - 1] if first else 0), "right")
        target_end = np.searchsorted(target_sums, batch_tokens + (target_sums[first - 1] if first else 0), "right")
        first = max(first + 1, int(min(source_end, target_end)))
        if first >= len(sources):
            return cuts
        cuts.append(first)


@dataclass(frozen=True, slots=True)
class Examples:
    """Pairs to learn from, as batches without end."""

    encoded: EncodedPairs
    sides: Sides
    config: TextConfig
    lengths: Lengths

    @classmethod
    def of(cls, encoded: EncodedPairs, sides: Sides, config: TextConfig) -> "Examples":
        """Count lengths once."""
        return cls(encoded, sides, config, Lengths.of(encoded.sources, encoded.targets))

    def batches(self, batch_tokens: int, seed: int, first: int = 0) -> Iterator[tuple[int, Batch]]:
        """Yield (epoch, batch), from the given batch on, counted from 0 over all epochs."""
        number, epoch = first, 0
        while True:
            plan = epoch_batches(self.lengths, batch_tokens, seed, epoch)
            for pairs in plan[first:]:
                yield epoch, self.batch(pairs.tolist(), seed, number)
                number += 1
            first = max(0, first - len(plan))
            epoch += 1

    def largest_batch(self, batch_tokens: int) -> Batch:
        """Return the batch that takes most memory: the longest pairs."""
        order = np.argsort(-np.maximum(self.lengths.source, self.lengths.target), kind="stable")
        sums = np.cumsum(np.maximum(self.lengths.source, self.lengths.target)[order])
        count = max(1, int(np.searchsorted(sums, batch_tokens, "right")))
        return self.batch(order[:count].tolist(), 0, 0)

    def batch(self, pairs: Sequence[int], seed: int, number: int) -> Batch:
        """Make a batch; where a tokenizer samples, texts are split anew, as (seed, number) has it.

        A split that comes out too long gives way to the usual one, so that nothing is lost of a text.
        """
        sources = [self.encoded.sources[i] for i in pairs]
        targets = [self.encoded.targets[i] for i in pairs]
        if self.config.source.samples:
            texts = [self.encoded.pairs[i].source for i in pairs]
            cut = self.sides.source.sampled_ids(texts, (2 * number) * 1_000_003 + seed)
            sources = _short(cut, sources, self.config.longest_source)
        if self.config.target.samples:
            texts = [self.encoded.pairs[i].target for i in pairs]
            cut = self.sides.target.sampled_ids(texts, (2 * number + 1) * 1_000_003 + seed)
            targets = _short(cut, targets, self.config.longest_target)
        return Batch.of(sources, targets, pairs)


def _short(sampled: Sequence[Ids], usual: Sequence[Ids], longest: int) -> list[Ids]:
    return [one if len(one) <= longest else other for one, other in zip(sampled, usual, strict=True)]
