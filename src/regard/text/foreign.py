"""Sentencepiece models from elsewhere, as they came: with their own normalisation, spaces and reserved pieces.

A text may begin with a code, a token of its own that no piece spells, which tells the language of the text or the one
wanted; a space after it may be left out. What is joined leaves codes out.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from regard.errors import ConfigError
from regard.files import write_bytes
from regard.text.configs import ForeignConfig, TokenizerConfig
from regard.text.sentencepiece import MODEL_FILE, processor
from regard.text.tokenizer import load_config, save_config
from regard.text.vocabulary import damaged


class Foreign:
    """Pieces of words by a model that was learnt elsewhere."""

    def __init__(self, model: bytes, config: ForeignConfig) -> None:
        self.model, self.config = model, config
        self._processor, self._codes = processor(model), frozenset(config.codes)
        pieces = range(self._processor.get_piece_size())
        self.tokens: tuple[str, ...] = tuple(self._processor.id_to_piece(i) for i in pieces if not self._reserved(i))

    @classmethod
    def learn(cls, texts: Iterable[str], config: TokenizerConfig) -> "Foreign":
        hint = "regard train --from MODEL goes on with the tokenizers of a model"
        raise ConfigError("a tokenizer from elsewhere cannot be learnt", where="text", hint=hint)

    @property
    def pieces(self) -> tuple[str, ...]:
        """All pieces by their number in the model, reserved ones too."""
        return tuple(self._processor.id_to_piece(i) for i in range(self._processor.get_piece_size()))

    def _reserved(self, piece: int) -> bool:
        return self._processor.is_control(piece) or self._processor.is_unknown(piece)

    def split(self, text: str) -> list[str]:
        code, rest = self._parted(text)
        tokens: list[str] = self._processor.encode(rest, out_type=str)
        return [code, *tokens] if code else tokens

    def _parted(self, text: str) -> tuple[str, str]:
        """Return the code that a text begins with, or the usual one, and what follows."""
        if self._codes:
            begun = text.lstrip()
            word = begun.partition(" ")[0]
            marked = f"{begun.partition('<<')[0]}<<" if begun.startswith(">>") else word  # >>fra<<Bonjour
            for code in (word, marked):
                if code in self._codes:
                    return code, begun.removeprefix(code)
        return self.config.usual, text

    def sampled(self, texts: Sequence[str], seed: int) -> list[list[str]]:
        return [self.split(text) for text in texts]

    def join(self, tokens: Sequence[str]) -> str:
        text: str = self._processor.decode_pieces([token for token in tokens if token not in self._codes])
        return text.replace("▁", " ").strip()

    def save(self, folder: Path) -> None:
        save_config(folder, self.config)
        write_bytes(folder / MODEL_FILE, self.model)

    @classmethod
    def load(cls, folder: Path) -> "Foreign":
        config, path = load_config(folder), folder / MODEL_FILE
        if not isinstance(config, ForeignConfig):
            raise damaged(path, f"belongs to another tokenizer than {config.kind!r}")
        return cls(read_model(path), config)


def read_model(path: Path) -> bytes:
    """Return the bytes of a sentencepiece model.

    Raises CheckpointError if the file is missing or no such model.
    """
    try:
        model = path.read_bytes()
        processor(model)
    except OSError as error:
        raise damaged(path, f"cannot be read: {error.strerror}") from None
    except RuntimeError:
        raise damaged(path, "is not a sentencepiece model") from None
    return model
