"""Texts to tokens and back; the tokenizers that need no learning beyond a list of what occurs.

A joined text is made of the tokens as they are: a special token that a model lets through, "<unk>" say, is seen.
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

import tomli_w

from regard.config import from_mapping, read_toml, to_mapping
from regard.errors import ConfigError, DataError
from regard.files import write_text
from regard.registry import load_object
from regard.text import TOKENIZERS
from regard.text.configs import TokenizerConfig
from regard.text.vocabulary import damaged, load_tokens, save_tokens

CONFIG_FILE, TOKENS_FILE = "tokenizer.toml", "tokens.json"


@runtime_checkable
class Tokenizer(Protocol):
    """Cuts a text (one line) into tokens and joins tokens to a text."""

    @property
    def tokens(self) -> tuple[str, ...]:
        """All tokens that it has learnt, each once, without the special ones."""
        ...

    @classmethod
    def learn(cls, texts: Iterable[str], config: TokenizerConfig) -> "Tokenizer":
        """Learn from texts; the same texts in the same order always give the same tokenizer.

        Raises DataError if there is nothing to learn from.
        """
        ...

    def split(self, text: str) -> list[str]:
        """Return the tokens of a text; what was not learnt stands there as it is written."""
        ...

    def sampled(self, texts: Sequence[str], seed: int) -> list[list[str]]:
        """Return tokens of each text for training: cut at random where the config asks for it.

        A function of texts and seed, whatever was sampled before.
        """
        ...

    def join(self, tokens: Sequence[str]) -> str:
        """Return the text that tokens stand for; any tokens give some text."""
        ...

    def save(self, folder: Path) -> None:
        """Write files into a folder that exists; the same tokenizer always gives the same bytes."""
        ...

    @classmethod
    def load(cls, folder: Path) -> "Tokenizer":
        """Read what `save` wrote.

        Raises CheckpointError if files are missing or damaged.
        """
        ...


def learn_tokenizer(config: TokenizerConfig, texts: Iterable[str]) -> Tokenizer:
    """Learn the tokenizer that `config` describes.

    Raises DataError if there is nothing to learn from.
    """
    return load_object(config.part).learn(texts, config)


def load_tokenizer(folder: Path) -> Tokenizer:
    """Read the tokenizer that was saved in a folder, of whatever kind.

    Raises CheckpointError if files are missing or damaged.
    """
    return load_object(load_config(folder).part).load(folder)


def save_config(folder: Path, config: TokenizerConfig) -> None:
    """Write a tokenizer's kind and settings."""
    write_text(folder / CONFIG_FILE, tomli_w.dumps({"kind": config.kind, **to_mapping(config)}))


def load_config(folder: Path) -> TokenizerConfig:
    """Read what `save_config` wrote.

    Raises CheckpointError if the file is missing or damaged.
    """
    path = folder / CONFIG_FILE
    try:
        settings = read_toml(path)
        return from_mapping(TOKENIZERS[settings.pop("kind", "")], settings)
    except ConfigError as error:
        place = "" if error.where in ("", str(path)) else f"{error.where}: "
        raise damaged(path, place + error.problem) from None


def nothing_to_learn() -> DataError:
    """Return the error to raise when no text has a token."""
    return DataError("there is no text to learn from", where="tokenizer", hint="look at the first lines of the data")


class ListedTokens(ABC):
    """Tokenizers by a fixed rule: what they learn is which tokens occur, frequent ones first."""

    def __init__(self, tokens: tuple[str, ...], config: TokenizerConfig) -> None:
        self.tokens, self.config = tokens, config

    @classmethod
    def learn(cls, texts: Iterable[str], config: TokenizerConfig) -> "ListedTokens":
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(cls.cut(text))
        if not counts:
            raise nothing_to_learn()
        return cls(tuple(sorted(counts, key=lambda token: (-counts[token], token))), config)

    @staticmethod
    @abstractmethod
    def cut(text: str) -> list[str]:
        """Return the tokens of a text."""

    @abstractmethod
    def join(self, tokens: Sequence[str]) -> str: ...

    def split(self, text: str) -> list[str]:
        return self.cut(text)

    def sampled(self, texts: Sequence[str], seed: int) -> list[list[str]]:
        return [self.cut(text) for text in texts]

    def save(self, folder: Path) -> None:
        save_config(folder, self.config)
        save_tokens(folder / TOKENS_FILE, self.tokens)

    @classmethod
    def load(cls, folder: Path) -> "ListedTokens":
        return cls(load_tokens(folder / TOKENS_FILE), load_config(folder))


class Characters(ListedTokens):
    """Every character (code point) is a token, a space too; any text comes back as it was."""

    @staticmethod
    def cut(text: str) -> list[str]:
        return list(text)

    def join(self, tokens: Sequence[str]) -> str:
        return "".join(tokens)


class Spaced(ListedTokens):
    """What stands between spaces (U+0020) is a token; a text comes back with one space between tokens."""

    @staticmethod
    def cut(text: str) -> list[str]:
        return [token for token in text.split(" ") if token]

    def join(self, tokens: Sequence[str]) -> str:
        return " ".join(tokens)
