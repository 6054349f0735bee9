"""Pieces of words, learnt from raw text by the sentencepiece library: a unigram model or byte-pair encoding.

A text is not normalised in any way and comes back exactly as it was, given byte fallback. In a piece "▁" stands for a
space; one is put before every text, so that its first word has the same pieces as elsewhere.

Source  Kudo and Richardson 2018
"""

import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from random import Random

import sentencepiece

from regard.files import write_bytes
from regard.registry import load_object
from regard.text.configs import UnigramConfig
from regard.text.sampling import Sampler
from regard.text.tokenizer import load_config, nothing_to_learn, save_config
from regard.text.vocabulary import BOS, EOS, PAD, SPECIAL, UNK, damaged

MODEL_FILE = "sentencepiece.model"

LONGEST_PART = 1000
"""Characters of a text that are learnt from at once; the library passes over texts of more than 4192 bytes."""

ENOUGH = 50_000_000
"""Characters to learn from; of larger data an even sample is taken."""

THREADS = 4
"""On any machine, because what is learnt depends on it."""

RESERVED = "\0▅"
"""Characters whose texts the library would pass over."""

WORD = re.compile("▁?[^▁]{1,24}|▁")
"""What is sampled at a time: no piece reaches over a space, and text without spaces must be cut somewhere."""

BYTE_TOKENS = tuple(f"<0x{byte:02X}>" for byte in range(256))


def processor(model: bytes) -> sentencepiece.SentencePieceProcessor:
    """Return what cuts and joins texts by a model.

    Raises RuntimeError if the bytes are none.
    """
    made = sentencepiece.SentencePieceProcessor()
    made.load_from_serialized_proto(model)
    return made


class SentencePiece:
    """Pieces of words: the likeliest by a unigram model, or what merging pairs in the learnt order leads to."""

    def __init__(self, model: bytes, config: UnigramConfig) -> None:
        self.model, self.config = model, config
        self._processor = processor(model)
        pieces = range(len(SPECIAL), self._processor.get_piece_size())
        self.tokens: tuple[str, ...] = tuple(self._processor.id_to_piece(piece) for piece in pieces)
        self._known = frozenset(self.tokens)
        self._bytes = {token: bytes([byte]) for byte, token in enumerate(BYTE_TOKENS)} if config.byte_fallback else {}

    @classmethod
    def learn(cls, texts: Iterable[str], config: UnigramConfig) -> "SentencePiece":
        parts = _sample(_parts(texts), ENOUGH)
        if not parts:
            raise nothing_to_learn()
        model = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(_without_rare(parts, most=config.room // 2)),
            model_writer=model,
            model_type=config.kind,
            vocab_size=config.vocabulary,
            hard_vocab_limit=False,  # fewer where the texts yield no more
            character_coverage=1.0,  # of those that are left
            byte_fallback=config.byte_fallback,
            split_digits=config.split_digits,
            normalization_rule_name="identity",
            remove_extra_whitespaces=False,
            add_dummy_prefix=False,  # _escaped does it
            pad_id=PAD,
            bos_id=BOS,
            eos_id=EOS,
            unk_id=UNK,
            num_threads=THREADS,
            minloglevel=2,
        )
        return cls(model.getvalue(), config)

    def split(self, text: str) -> list[str]:
        return self._processor.encode(_escaped(text), out_type=str)

    def sampled(self, texts: Sequence[str], seed: int) -> list[list[str]]:
        if not self.config.sampling:
            return [self.split(text) for text in texts]
        draw, random = self._sampler.draw, Random(seed).random
        splits = []
        for text in texts:
            words = WORD.findall(_escaped(text).replace(" ", "▁"))
            splits.append(self._spelt([piece for word in words for piece in draw(word, random)]))
        return splits

    @cached_property
    def _sampler(self) -> Sampler:
        numbered = enumerate(self.tokens, start=len(SPECIAL))
        scores = {token: self._processor.get_score(number) for number, token in numbered if token not in self._bytes}
        return load_object(self.config.sampler)(scores, self.config.sampling)

    def _spelt(self, pieces: list[str]) -> list[str]:
        """Return the pieces with bytes for unknown characters."""
        if not self._bytes or self._known.issuperset(pieces):
            return pieces
        spelt = (
            [piece] if piece in self._known else [BYTE_TOKENS[byte] for byte in piece.encode()] for piece in pieces
        )
        return [token for tokens in spelt for token in tokens]

    def join(self, tokens: Sequence[str]) -> str:
        written = b"".join([self._bytes.get(token) or token.replace("▁", " ").encode() for token in tokens])
        return _restored(written.decode(errors="replace"))

    def save(self, folder: Path) -> None:
        save_config(folder, self.config)
        write_bytes(folder / MODEL_FILE, self.model)

    @classmethod
    def load(cls, folder: Path) -> "SentencePiece":
        config, path = load_config(folder), folder / MODEL_FILE
        if not isinstance(config, UnigramConfig):
            raise damaged(path, f"belongs to another tokenizer than {config.kind!r}")
        try:
            return cls(path.read_bytes(), config)
        except OSError as error:
            raise damaged(path, f"cannot be read: {error.strerror}") from None
        except RuntimeError:
            raise damaged(path, "is not a sentencepiece model") from None


def _escaped(text: str) -> str:
    """Return what the library is given: a space in front, and no "▁" but those that it puts for spaces."""
    return " " + text.replace("␛", "␛0").replace("▁", "␛1") if text else ""


def _restored(text: str) -> str:
    """Undo `_escaped`."""
    return text.removeprefix(" ").replace("␛1", "▁").replace("␛0", "␛")


def _parts(texts: Iterable[str]) -> Iterator[str]:
    """Yield texts as the library is given them, long ones in several parts."""
    for text in map(_escaped, texts):
        for start in range(0, len(text), LONGEST_PART):
            yield text[start : start + LONGEST_PART]


def _sample(parts: Iterable[str], enough: int) -> list[str]:
    """Return all parts or, where they have more than `enough` characters, an even sample of them, in order."""
    draw = Random(1).random
    kept: list[tuple[float, str]] = []
    share, size = 1.0, 0
    for part in parts:
        if (chance := draw()) < share:
            kept.append((chance, part))
            size += len(part)
        while size > enough:
            share /= 2
            kept = [(chance, part) for chance, part in kept if chance < share]
            size = sum(len(part) for _, part in kept)
    return [part for _, part in kept]


def _without_rare(parts: Sequence[str], most: int) -> list[str]:
    """Return the parts cut where a character stands that is reserved or not among the `most` frequent ones."""
    counts: Counter[str] = Counter()
    for part in parts:
        counts.update(part)
    ranked = sorted(counts.keys() - {" "}, key=lambda character: (-counts[character], character))
    rare = re.compile(f"[{re.escape(RESERVED + ''.join(ranked[most:]))}]")
    return [rest for part in parts for rest in rare.split(part) if rest]
