"""Tokens to ids and back, and lists of tokens as files."""

import json
from collections.abc import Iterable
from pathlib import Path

from regard.errors import CheckpointError
from regard.files import read_json, write_text

PAD, BOS, EOS, UNK = 0, 1, 2, 3
"""Ids of the special tokens, the same in every vocabulary."""

SPECIAL = ("<pad>", "<s>", "</s>", "<unk>")
"""How the special tokens are shown, by id."""


class Vocabulary:
    """Numbers tokens: first the special ones, then `learnt` in their order, in which each occurs once.

    No text can name PAD, BOS or EOS: a token that reads "<s>" is looked up among the learnt ones like any other.
    """

    def __init__(self, learnt: tuple[str, ...]) -> None:
        self.entries = SPECIAL + learnt  # every token, at its id
        self._ids = {token: number for number, token in enumerate(learnt, start=len(SPECIAL))}
        assert len(self._ids) == len(learnt), "a token would have two ids"

    @classmethod
    def of(cls, tokens: Iterable[str]) -> "Vocabulary":
        """Return the vocabulary of these tokens, each numbered where it first occurs."""
        return cls(tuple(dict.fromkeys(tokens)))

    def ids(self, tokens: Iterable[str]) -> list[int]:
        """Return the id of each token, UNK for one that was not learnt."""
        known = self._ids.get
        return [known(token, UNK) for token in tokens]

    def tokens(self, ids: Iterable[int]) -> list[str]:
        """Return the token of each id, the special ones as they stand in SPECIAL."""
        return [self.entries[number] for number in ids]

    def __len__(self) -> int:
        return len(self.entries)

    def save(self, path: Path) -> None:
        """Write every token, the special ones too: the one with id n stands on line n + 2."""
        save_tokens(path, self.entries)

    @classmethod
    def load(cls, path: Path) -> "Vocabulary":
        """Read what `save` wrote.

        Raises CheckpointError if the file is missing or damaged.
        """
        special, learnt = (entries := load_tokens(path))[: len(SPECIAL)], entries[len(SPECIAL) :]
        if special != SPECIAL:
            raise damaged(path, f"does not begin with {', '.join(SPECIAL)}")
        if len(set(learnt)) < len(learnt):
            raise damaged(path, "has a token twice")
        return cls(learnt)


def save_tokens(path: Path, tokens: Iterable[str]) -> None:
    """Write a JSON list with one token a line; characters that do not show in print are escaped."""
    lines = ",\n".join(json.dumps(token, ensure_ascii=not token.isprintable()) for token in tokens)
    write_text(path, f"[\n{lines}\n]\n")


def load_tokens(path: Path) -> tuple[str, ...]:
    """Read what `save_tokens` wrote.

    Raises CheckpointError if the file is missing or damaged.
    """
    tokens = read_json(path)
    if not isinstance(tokens, list) or not all(isinstance(token, str) for token in tokens):
        raise damaged(path, "is not a list of tokens")
    return tuple(tokens)


def damaged(path: Path, problem: str) -> CheckpointError:
    """Return the error to raise for a saved file that cannot be what was written."""
    return CheckpointError(problem, where=str(path), hint="take a whole copy of the model folder")
