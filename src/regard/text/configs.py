"""Choices of each tokenizer; the class that does the work is named by `part`."""

from dataclasses import dataclass
from typing import ClassVar

from regard.errors import ConfigError
from regard.text.vocabulary import SPECIAL


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenizerConfig:
    """What every tokenizer's config has: its name in a config file and the class it stands for."""

    kind: ClassVar[str]
    part: ClassVar[str]

    @property
    def samples(self) -> bool:
        """True if training texts are cut at random."""
        return False


@dataclass(frozen=True, kw_only=True, slots=True)
class UnigramConfig(TokenizerConfig):
    """Pieces of a unigram language model (Kudo 2018), learnt by the sentencepiece library."""

    kind: ClassVar[str] = "unigram"
    part: ClassVar[str] = "regard.text.sentencepiece:SentencePiece"
    sampler: ClassVar[str] = "regard.text.sampling:UnigramSampler"

    vocabulary: int = 8000  # pieces at most, with bytes and special tokens; small data gives fewer
    split_digits: bool = True  # every digit a piece of its own
    byte_fallback: bool = True  # unseen characters become bytes, not UNK
    sampling: float = 0.0  # training only: power of a split's probability, 0 = off; 0.1 is wild, 0.5 tame

    @property
    def samples(self) -> bool:
        return self.sampling > 0.0

    def __post_init__(self) -> None:
        """Refuse impossible sizes."""
        if self.room < 8:
            bytes_too = ", 256 of them for bytes" if self.byte_fallback else ""
            problem = f"{self.vocabulary} pieces are too few{bytes_too}"
            raise ConfigError(problem, where="vocabulary", hint="500 to 32000 is usual")
        if not 0.0 <= self.sampling <= 1.0:
            raise ConfigError(f"{self.sampling} is not within 0 to 1", where="sampling", hint="0 turns it off")

    @property
    def room(self) -> int:
        """Pieces beside the special tokens and the bytes."""
        return self.vocabulary - len(SPECIAL) - 256 * self.byte_fallback


@dataclass(frozen=True, kw_only=True, slots=True)
class BpeConfig(UnigramConfig):
    """Pieces of byte-pair encoding (Sennrich et al. 2016).

    `sampling` is the share of merges that are missed out (BPE-dropout, Provilkov et al. 2020): 0.1 is usual.
    """

    kind: ClassVar[str] = "bpe"
    sampler: ClassVar[str] = "regard.text.sampling:MergeSampler"


@dataclass(frozen=True, kw_only=True, slots=True)
class CharactersConfig(TokenizerConfig):
    """Every character a token."""

    kind: ClassVar[str] = "characters"
    part: ClassVar[str] = "regard.text.tokenizer:Characters"


@dataclass(frozen=True, kw_only=True, slots=True)
class SpacedConfig(TokenizerConfig):
    """What stands between spaces is a token: phonemes, tags, text that is cut already."""

    kind: ClassVar[str] = "spaced"
    part: ClassVar[str] = "regard.text.tokenizer:Spaced"


@dataclass(frozen=True, kw_only=True, slots=True)
class ForeignConfig(TokenizerConfig):
    """A sentencepiece model from elsewhere, with its own rules; it comes with a model and cannot be learnt."""

    kind: ClassVar[str] = "foreign"
    part: ClassVar[str] = "regard.text.foreign:Foreign"

    codes: tuple[str, ...] = ()  # tokens that a text may begin with, such as >>fra<<; left out of outputs
    usual: str = ""  # the one that is put before a text without one; empty = none

    def __post_init__(self) -> None:
        """Refuse a code that is none."""
        if self.usual and self.usual not in self.codes:
            hint = f"one of {', '.join(self.codes[:9])}" if self.codes else "name it among the codes"
            raise ConfigError(f"{self.usual!r} is not among the codes", where="usual", hint=hint)
