"""How much of the outputs is right: whole outputs and tokens, WER and PER.

A token is what stands between spaces; the number of spaces says nothing, every other character counts. Where an output
has several references, a whole one may equal any of them, and tokens are compared with the closest: the one with the
fewest edits and, among such, the longest. An edit inserts, deletes or replaces a token.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from regard import __version__
from regard.metrics.base import Metric, reference_count


def edit_distance(first: Sequence[str], second: Sequence[str]) -> int:
    """Return the fewest edits that turn one sequence into the other (Levenshtein 1966)."""
    if first == second:
        return 0
    row = list(range(len(second) + 1))  # edits from the tokens of `first` so far to each beginning of `second`
    for i, token in enumerate(first, start=1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(second, start=1):
            kept_or_replaced = diagonal + (token != other)
            diagonal = row[j]
            row[j] = min(kept_or_replaced, diagonal + 1, row[j - 1] + 1)
    return row[-1]


def split_at_spaces(text: str) -> list[str]:
    """Return the tokens of a text; a no-break space is part of one."""
    return [token for token in text.split(" ") if token]


class AccuracyMetric(Metric):
    """A metric of this file: one sum divided by another, in percent."""

    rules: ClassVar[str]  # what its signature says besides
    sums: ClassVar[tuple[str, str]]  # what is divided, and by what

    def from_statistics(self, total: Float[np.ndarray, " sums"]) -> float:
        """Return the share in percent; of nothing it is 0, but 100 where there should be nothing and is something."""
        part, whole = total.tolist()
        return 100 * part / whole if whole else 100.0 * (part > 0)

    def details(self, total: Float[np.ndarray, " sums"]) -> Mapping[str, float]:
        return dict(zip(self.sums, total.tolist(), strict=True))

    def signature(self, references: Sequence[Sequence[str]]) -> str:
        nrefs = reference_count(references)
        return f"{self.name}|nrefs:{nrefs}|case:mixed|tok:space|{self.rules}|version:{__version__}"


class ExactMatch(AccuracyMetric):
    """Share of the outputs that equal one of their references."""

    name: ClassVar[str] = "exact_match"
    rules: ClassVar[str] = "refs:any"
    sums: ClassVar[tuple[str, str]] = ("right", "outputs")

    def statistics(self, output: str, references: Sequence[str]) -> Sequence[int | float]:
        return float(_equals_any(output, references)), 1.0


class WordErrorRate(AccuracyMetric):
    """Share of the outputs that equal none of their references: the WER of grapheme-to-phoneme conversion.

    Each output is one word, written in phones. For running text `ter` counts the edits of words.
    """

    name: ClassVar[str] = "wer"
    higher_is_better: ClassVar[bool] = False
    rules: ClassVar[str] = "word:whole-output|refs:any"
    sums: ClassVar[tuple[str, str]] = ("wrong", "outputs")

    def statistics(self, output: str, references: Sequence[str]) -> Sequence[int | float]:
        return float(not _equals_any(output, references)), 1.0


class PhoneErrorRate(AccuracyMetric):
    """Edits to the closest reference per token of that reference, both summed over the outputs: PER."""

    name: ClassVar[str] = "per"
    higher_is_better: ClassVar[bool] = False
    rules: ClassVar[str] = "refs:closest|ties:longest|ratio:sum-edits/sum-reference-tokens"
    sums: ClassVar[tuple[str, str]] = ("edits", "reference_tokens")

    def statistics(self, output: str, references: Sequence[str]) -> Sequence[int | float]:
        return _closest(split_at_spaces(output), references)


class TokenAccuracy(AccuracyMetric):
    """100 % less the edits to the closest reference per token of the longer of the two, both summed over the outputs.

    What is missing and what is too much lower it alike; 100 where all outputs are exact, 0 where nothing is right.
    """

    name: ClassVar[str] = "token_accuracy"
    rules: ClassVar[str] = "refs:closest|ties:longest|ratio:1-sum-edits/sum-longer-tokens"
    sums: ClassVar[tuple[str, str]] = ("right", "tokens")

    def statistics(self, output: str, references: Sequence[str]) -> Sequence[int | float]:
        tokens = split_at_spaces(output)
        edits, length = _closest(tokens, references)
        longer = max(len(tokens), length)
        return longer - edits, longer


def _equals_any(output: str, references: Sequence[str]) -> bool:
    return split_at_spaces(output) in map(split_at_spaces, references)


def _closest(tokens: list[str], references: Sequence[str]) -> tuple[int, int]:
    """Return the edits to the closest reference and that reference's length, both in tokens."""
    alternatives = map(split_at_spaces, references)
    edits, negative_length = min((edit_distance(tokens, other), -len(other)) for other in alternatives)
    return edits, -negative_length
