"""What a model is fed: padded ids and their lengths.

Axes    B sentences · S source positions · T target positions
Rules   padding stands on the right; a source ends in EOS; target in is BOS ..., target out is ... EOS
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from regard.text.vocabulary import BOS, EOS, PAD


@dataclass(frozen=True, slots=True)
class PaddedTokens:
    """Ids of several texts, padded on the right; `lengths` count the real ones."""

    ids: Int[Tensor, "B S"]
    lengths: Int[Tensor, " B"]

    @property
    def mask(self) -> Bool[Tensor, "B 1 1 S"]:
        """True where a real token stands: what attention may see."""
        return (torch.arange(self.ids.size(1), device=self.ids.device) < self.lengths[:, None])[:, None, None, :]

    @classmethod
    def of(cls, texts: Sequence[Sequence[int]]) -> "PaddedTokens":
        """Pad the given ids; every text needs at least one."""
        lengths = [len(text) for text in texts]
        longest = max(lengths)
        ids = torch.tensor([[*text, *([PAD] * (longest - len(text)))] for text in texts])
        return cls(ids, torch.tensor(lengths))

    @classmethod
    def sources(cls, texts: Sequence[Sequence[int]]) -> "PaddedTokens":
        """Pad source texts, each closed with EOS."""
        return cls.of([[*text, EOS] for text in texts])

    def to(self, device: torch.device) -> "PaddedTokens":
        """Return the same on another device."""
        return PaddedTokens(self.ids.to(device), self.lengths.to(device))


@dataclass(frozen=True, slots=True)
class Batch:
    """Pairs to learn from: the decoder reads `target_in` and should say `target_out`, one token later."""

    source: PaddedTokens
    target_in: PaddedTokens
    target_out: Int[Tensor, "B T"]
    pairs: tuple[int, ...] = ()  # which pairs of the data these are, counted from 0: names a batch in messages

    @property
    def tokens(self) -> int:
        """Real target tokens, EOS included."""
        return int(self.target_in.lengths.sum())

    @classmethod
    def of(
        cls, sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]], pairs: Sequence[int] = ()
    ) -> "Batch":
        """Make a batch of ids without special tokens."""
        target_in = PaddedTokens.of([[BOS, *text] for text in targets])
        target_out = PaddedTokens.of([[*text, EOS] for text in targets]).ids
        return cls(PaddedTokens.sources(sources), target_in, target_out, tuple(pairs))

    def to(self, device: torch.device) -> "Batch":
        """Return the same on another device."""
        return Batch(self.source.to(device), self.target_in.to(device), self.target_out.to(device), self.pairs)

    def rows(self, rows: slice) -> "Batch":
        """Return some of the sentences, as far padded as all are."""

        def cut(padded: PaddedTokens) -> PaddedTokens:
            return PaddedTokens(padded.ids[rows], padded.lengths[rows])

        return Batch(cut(self.source), cut(self.target_in), self.target_out[rows], self.pairs[rows])

    def repeated(self, times: int) -> "Batch":
        """Return every sentence so many times, one after the other."""

        def again(padded: PaddedTokens) -> PaddedTokens:
            return PaddedTokens(*(each.repeat_interleave(times, dim=0) for each in (padded.ids, padded.lengths)))

        out = self.target_out.repeat_interleave(times, dim=0)
        return Batch(again(self.source), again(self.target_in), out, tuple(i for i in self.pairs for _ in range(times)))

    def trimmed(self) -> "Batch":
        """Return the same without the padding that all sentences have."""

        def cut(padded: PaddedTokens) -> PaddedTokens:
            return PaddedTokens(padded.ids[:, : int(padded.lengths.max())], padded.lengths)

        target_in = cut(self.target_in)
        return Batch(cut(self.source), target_in, self.target_out[:, : target_in.ids.size(1)], self.pairs)

    def halves(self) -> tuple["Batch", "Batch"]:
        """Split into two smaller batches; together they hold the same pairs."""
        half = (len(self.target_out) + 1) // 2
        return self.rows(slice(0, half)).trimmed(), self.rows(slice(half, None)).trimmed()
