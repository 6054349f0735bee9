"""Pieces of words, learnt from raw text by the sentencepiece library: a unigram model or byte-pair encoding.

A text is not normalised in any way and comes back exactly as it was, given byte fallback. In a piece "▁" stands for a
space; one is put before every text, so that its first word has the same pieces as elsewhere.

Source  Kudo and Richardson 2018; sampling: Kudo 2018 (unigram), Provilkov et al. 2020 (byte-pair encoding)
"""

import io
import random
import re
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import sentencepiece

from regard.files import write_bytes
from regard.text.configs import UnigramConfig
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

_seeding = threading.Lock()  # the library has one seed for everybody


class SentencePiece:
    """Pieces of words, the likeliest of a unigram model or those that byte-pair merges lead to.

    Sampled, a split has a probability of its own to the power of `config.sampling` (unigram), or misses out every
    merge with this probability (byte-pair encoding).
    """

    def __init__(self, model: bytes, config: UnigramConfig) -> None:
        self.model, self.config = model, config
        self._processor = sentencepiece.SentencePieceProcessor()
        self._processor.load_from_serialized_proto(model)
        pieces = range(len(SPECIAL), self._processor.get_piece_size())
        self.tokens: tuple[str, ...] = tuple(self._processor.id_to_piece(piece) for piece in pieces)
        self._bytes = {f"<0x{byte:02X}>": bytes([byte]) for byte in range(256)} if config.byte_fallback else {}

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
        with _seeding:
            # A thread's generator is seeded when it is first used. One worker, new with every call, makes sure of that
            # and of the order of the texts; 2^32 - 1 would mean a seed from the system.
            sentencepiece.set_random_generator_seed(seed % (2**32 - 1))
            return self._processor.encode(
                [_escaped(text) for text in texts],
                out_type=str,
                enable_sampling=True,
                nbest_size=-1,
                alpha=self.config.sampling,
                num_threads=1,
            )

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
    draw = random.Random(1).random
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
