"""Pairs of texts to pairs of ids; what is too long is refused or cut, and always counted by line."""

from collections.abc import Sequence
from dataclasses import dataclass

from regard.data.pairs import Pair
from regard.text.sides import Sides, TextConfig

Ids = list[int]


@dataclass(frozen=True, slots=True)
class EncodedPairs:
    """Pairs and their ids, without special tokens; `refused` and `cut` hold line numbers."""

    pairs: list[Pair]
    sources: list[Ids]
    targets: list[Ids]
    refused: list[int]
    cut: list[int]

    def __len__(self) -> int:
        return len(self.pairs)


def encode_pairs(pairs: Sequence[Pair], sides: Sides, config: TextConfig) -> EncodedPairs:
    """Cut texts into tokens and number them, as far as they are short enough."""
    sources = sides.source.all_ids([pair.source for pair in pairs])
    targets = sides.target.all_ids([pair.target for pair in pairs])
    encoded = EncodedPairs([], [], [], [], [])
    for pair, source, target in zip(pairs, sources, targets, strict=True):
        if len(source) > config.longest_source or len(target) > config.longest_target:
            if config.over_long == "refuse":
                encoded.refused.append(pair.line)
                continue
            encoded.cut.append(pair.line)
        encoded.pairs.append(pair)
        encoded.sources.append(source[: config.longest_source])
        encoded.targets.append(target[: config.longest_target])
    return encoded
