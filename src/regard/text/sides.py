"""The two sides of a pair as ids: a tokenizer and a vocabulary for source and for target, which may be one.

On disk: `source/` and `target/`, or `shared/` where one serves both.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from regard.config import at_least, variant
from regard.errors import CheckpointError, ConfigError
from regard.text import TOKENIZERS
from regard.text.configs import TokenizerConfig, UnigramConfig
from regard.text.tokenizer import Tokenizer, learn_tokenizer, load_tokenizer
from regard.text.vocabulary import Vocabulary


@dataclass(frozen=True, kw_only=True, slots=True)
class TextConfig:
    """How texts are cut into tokens, and how long they may be."""

    source: TokenizerConfig = variant(TOKENIZERS, UnigramConfig())
    target: TokenizerConfig = variant(TOKENIZERS, UnigramConfig())
    shared: bool = True  # one tokenizer and one vocabulary, learnt from both sides together
    longest_source: int = 256  # tokens
    longest_target: int = 256  # tokens
    over_long: Literal["refuse", "cut"] = "refuse"  # training pairs that are longer: leave out, or keep the start

    def __post_init__(self) -> None:
        """Refuse what cannot be shared, and empty texts."""
        if self.shared and self.source != self.target:
            hint = "set text.shared=false, or the same settings for both"
            raise ConfigError("source and target differ", where="shared", hint=hint)
        at_least(self, 1, "longest_source", "longest_target")


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a pair: text to ids and back."""

    tokenizer: Tokenizer
    vocabulary: Vocabulary

    def ids(self, text: str) -> list[int]:
        """Return the ids of a text, without special tokens."""
        return self.vocabulary.ids(self.tokenizer.split(text))

    def all_ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the ids of many texts at once."""
        return [self.ids(text) for text in texts]

    def sampled_ids(self, texts: Sequence[str], seed: int) -> list[list[int]]:
        """Return the ids of texts cut at random, where the tokenizer samples; a function of texts and seed."""
        return [self.vocabulary.ids(tokens) for tokens in self.tokenizer.sampled(texts, seed)]

    def text(self, ids: Sequence[int]) -> str:
        """Return the text that ids stand for."""
        return self.tokenizer.join(self.vocabulary.tokens(ids))


@dataclass(frozen=True, slots=True)
class Sides:
    """Source and target."""

    source: Side
    target: Side

    @classmethod
    def learn(cls, config: TextConfig, sources: Sequence[str], targets: Sequence[str]) -> "Sides":
        """Learn tokenizers and vocabularies from texts."""
        if config.shared:
            side = _learn(config.source, [*sources, *targets])
            return cls(side, side)
        return cls(_learn(config.source, sources), _learn(config.target, targets))

    @property
    def shared(self) -> bool:
        """True if one vocabulary serves both sides."""
        return self.source is self.target

    def save(self, folder: Path) -> None:
        """Write into a folder that exists."""
        sides = {"shared": self.source} if self.shared else {"source": self.source, "target": self.target}
        for name, side in sides.items():
            (folder / name).mkdir()
            side.tokenizer.save(folder / name)
            side.vocabulary.save(folder / name / "vocabulary.json")

    @classmethod
    def load(cls, folder: Path) -> "Sides":
        """Read what `save` wrote.

        Raises CheckpointError if files are missing or damaged.
        """
        if (folder / "shared").is_dir():
            side = _load(folder / "shared")
            return cls(side, side)
        if (folder / "source").is_dir() and (folder / "target").is_dir():
            return cls(_load(folder / "source"), _load(folder / "target"))
        hint = "take a whole copy of the model folder"
        raise CheckpointError("has no tokenizer", where=str(folder), hint=hint)


def _learn(config: TokenizerConfig, texts: Iterable[str]) -> Side:
    tokenizer = learn_tokenizer(config, texts)
    return Side(tokenizer, Vocabulary.of(tokenizer.tokens))


def _load(folder: Path) -> Side:
    return Side(load_tokenizer(folder), Vocabulary.load(folder / "vocabulary.json"))
