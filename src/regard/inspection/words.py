"""Tokens to words: what holds of pieces, summed or averaged over the words that they are pieces of.

Axes    tokens and words of one text; special tokens are words of their own
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from regard.text.tokenizer import Characters, Tokenizer
from regard.text.words import word_spans


@dataclass(frozen=True, slots=True)
class Words:
    """The words of a text, and how much of each token belongs to each of them."""

    texts: tuple[str, ...]
    shares: Float[np.ndarray, "tokens words"]  # rows sum to 1; a piece of several words belongs to each alike
    special: tuple[int, ...]  # words that are special tokens

    @classmethod
    def of(
        cls, tokenizer: Tokenizer, tokens: Sequence[str], *, before: Sequence[str] = (), after: Sequence[str] = ()
    ) -> "Words":
        """Return the words of the text that tokens stand for, between special tokens."""
        ends = [len(tokenizer.join(tokens[: count + 1])) for count in range(len(tokens))]
        text = tokenizer.join(tokens)
        spans = spans_of(tokenizer, text)
        shares = np.zeros((len(before) + len(tokens) + len(after), len(before) + len(spans) + len(after)))
        start = 0
        for row, end in enumerate(ends, start=len(before)):
            for word in _touched(spans, start, end) if spans else ():
                shares[row, len(before) + word] = 1
            start = max(start, end)
        for i in range(len(before)):
            shares[i, i] = 1
        for i in range(1, len(after) + 1):
            shares[-i, -i] = 1
        if not spans and tokens:  # a text of nothing but spaces is a word after all
            shares = np.insert(shares, len(before), 0.0, axis=1)
            shares[len(before) : len(before) + len(tokens), len(before)] = 1
        between = [text[first:last] for first, last in spans] or ([text] if tokens else [])
        texts = (*before, *between, *after)
        special = (*range(len(before)), *range(len(texts) - len(after), len(texts)))
        return cls(texts, shares / np.maximum(shares.sum(axis=1, keepdims=True), 1), special)

    @classmethod
    def of_tokens(cls, tokens: Sequence[str]) -> "Words":
        """Return every token as a word of its own."""
        return cls(tuple(tokens), np.eye(len(tokens)), ())

    @property
    def plain(self) -> list[int]:
        """The words that are no special tokens."""
        return [word for word in range(len(self.texts)) if word not in self.special]

    def sums(self, values: Float[np.ndarray, "... tokens"]) -> Float[np.ndarray, "... words"]:
        """Return what holds of the tokens of each word together, along the last axis."""
        return values @ self.shares

    def means(self, values: Float[np.ndarray, "tokens ..."]) -> Float[np.ndarray, "words ..."]:
        """Return what holds of the tokens of each word on average, along the first axis."""
        weights = self.shares / self.shares.sum(axis=0)
        return np.tensordot(weights.T, values, axes=1)


def spans_of(tokenizer: Tokenizer, text: str) -> list[tuple[int, int]]:
    """Return where each word begins and ends; each letter is one where a model reads letters and never saw a space."""
    if isinstance(tokenizer, Characters) and " " not in tokenizer.tokens:
        return [(i, i + 1) for i in range(len(text))]
    return word_spans(text)


def _touched(spans: Sequence[tuple[int, int]], start: int, end: int) -> list[int]:
    """Return the words that a token from start to end has a part of; else the one before it or, at first, after it.

    A space alone, or a byte that only ends a character, is part of no word: it goes with the word before.
    """
    touched = [word for word, (first, last) in enumerate(spans) if first < end and start < last]
    if touched:
        return touched
    before = [word for word, (first, _) in enumerate(spans) if first < max(end, 1)]
    return before[-1:] or [0]
