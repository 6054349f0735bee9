"""Which word of a phrase became which: known without an aligner, for the phrase was made of values.

A writer of its own puts marks around every value, and every number and field of a date within one. Frames place their
parts as finished texts, so the marks are found again in each language, wherever its order puts them. Words that show
the same value are linked; so are words around values that belong to the same frame, such as "and" and "und".
"""

import unicodedata
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import product
from typing import NamedTuple

from babel.dates import DateTimeFormat, DateTimePattern

from regard.metrics.alignments import Gold
from regard.tasks.phrasebook.meanings import Meaning
from regard.tasks.phrasebook.writer import _PARTS, _SAME_FIELD, TimeUnit, Writer
from regard.text.words import word_spans

FIRST_MARK, MARKS = 0xE000, 6400
"""Characters for private use: no locale's data has one, and spaces between words stay as they are."""

Slot = tuple[object, ...]
"""The name of a value, or of a part of one: the same in both languages."""


class Piece(NamedTuple):
    """A character and the slots of the innermost value that it belongs to."""

    letter: str
    slots: frozenset[Slot]


class MarkingWriter(Writer):
    """Writes a phrase with marks around its values; `begin` starts the next one."""

    def begin(self) -> None:
        """Forget the marks of the phrase before."""
        self._slots: list[frozenset[Slot]] = []
        self._calls = 0
        self.filled: set[object] = set()  # days, times and ranges, by their turn

    def mark(self, text: str, *slots: Slot) -> str:
        """Put marks around a text that stands for these slots."""
        place = FIRST_MARK + 2 * len(self._slots)
        assert place + 1 < FIRST_MARK + MARKS, "too many values in a phrase"
        self._slots.append(frozenset(slots))
        return f"{chr(place)}{text}{chr(place + 1)}"

    def _value(self, text: str) -> str:
        """Mark the whole of a value or of a frame, which both languages write in the same turn."""
        self._calls += 1
        return self.mark(text, (self._calls,))

    def parts(self, *names: object) -> tuple[Slot, ...]:
        """Return the slots of parts of the value that is being written."""
        return tuple((self._calls + 1, name) for name in names)

    def name(self, kind: str, code: str) -> str:
        return self._value(super().name(kind, code))

    def when(self, style: str, at: datetime) -> str:
        return self._fields(super().when(style, at))

    def span(self, skeleton: str, first: datetime, last: datetime) -> str:
        return self._fields(super().span(skeleton, first, last))

    def _fields(self, text: str) -> str:
        """Mark a value all of whose fields are marked: the words between them have no meaning of their own."""
        self.filled.add(self._calls + 1)
        return self._value(text)

    def applied(self, pattern: DateTimePattern, at: datetime, other: datetime | None = None) -> str:
        text: str = pattern % _MarkedFields(self, at, other)
        return text

    def relative(self, count: int, unit: TimeUnit) -> str:
        text = super().relative(count, unit)
        digits = super()._number(Decimal(abs(count)))[0]
        if text.count(digits) == 1:
            text = text.replace(digits, self.mark(digits, *self.parts("number")))
        return self._value(text)

    def _number(self, number: Decimal) -> tuple[str, str]:
        digits, form = super()._number(number)
        return self.mark(digits, *self.parts("number")), form

    def quantity(self, number: Decimal, unit: str) -> str:
        return self._value(super().quantity(number, unit))

    def percent(self, number: Decimal) -> str:
        return self._value(super().percent(number))

    def money(self, amount: Decimal, currency: str) -> str:
        return self._value(super().money(amount, currency))

    def price(self, amount: Decimal, currency: str) -> str:
        return self._value(super().price(amount, currency))

    def per(self, text: str, unit: str) -> str:
        return self._value(super().per(text, unit))

    def joined(self, style: str, texts: Sequence[str]) -> str:
        return self._value(super().joined(style, texts))

    def moment(self, style: str, day: str, clock: str) -> str:
        return self._value(super().moment(style, day, clock))

    def pieces(self, text: str) -> Iterator[Piece]:
        """Yield the characters of a marked text without the marks."""
        within: list[frozenset[Slot]] = [frozenset()]
        for letter in text:
            number = ord(letter) - FIRST_MARK
            if not 0 <= number < 2 * len(self._slots):
                yield Piece(letter, within[-1])
            elif number % 2:
                within.pop()
            else:
                within.append(self._slots[number // 2])


class _MarkedFields(DateTimeFormat):
    """The fields of a day or a time, each with its mark; one that both ends of a range share is for both."""

    def __init__(self, writer: MarkingWriter, at: datetime, other: datetime | None) -> None:
        super().__init__(at, writer.locale)
        self._writer, self._at, self._other = writer, at, other

    def __getitem__(self, name: str) -> str:
        letter = _SAME_FIELD.get(name[0], name[0])
        told = (
            "H" if letter in "ahH" else letter
        )  # the hour of 12 and the half of the day tell what the hour of 24 does
        ends: tuple[bool, ...] = (True, False)
        if self._other is None or letter not in _PARTS or _PARTS[letter](self._at) != _PARTS[letter](self._other):
            ends = (self._other is None or self._at < self._other,)
        return self._writer.mark(super().__getitem__(name), *self._writer.parts(*((told, end) for end in ends)))


def aligned(meaning: Meaning, source: MarkingWriter, target: MarkingWriter) -> tuple[str, str, Gold]:
    """Write a phrase in both languages and say which words belong together.

    A link is sure where a value is one word on either side at least; else its words are linked as possible. So are the
    words between the fields of a day or a time, such as "Uhr" or "de", with all words of that value.
    """
    texts, slots = [], []
    for writer in (source, target):
        writer.begin()
        pieces = list(writer.pieces(meaning.write(writer)))
        text = "".join(piece.letter for piece in pieces)
        texts.append(text)
        slots.append([_shown(pieces[start:end]) for start, end in word_spans(text)])
    sure: set[tuple[int, int]] = set()
    possible: set[tuple[int, int]] = set()
    for slot in dict.fromkeys(slot for words in slots for word in words for slot in word):
        here, there = ([i for i, word in enumerate(words) if slot in word] for words in slots)
        possible |= set(product(here, there))
        if min(len(here), len(there)) == 1:
            sure |= set(product(here, there))
        if slot in {(turn,) for turn in source.filled}:  # such as "Uhr" or "de": they go with any word of the value
            ours, theirs = ([i for i, word in enumerate(words) if slot[0] in {s[0] for s in word}] for words in slots)
            possible |= set(product(here, theirs)) | set(product(ours, there))
            sure -= set(product(here, there))
    return texts[0], texts[1], Gold(frozenset(sure), frozenset(possible))


def _shown(word: Sequence[Piece]) -> frozenset[Slot]:
    """Return the slots of a word: those of all but its punctuation, for a comma at its end is not its own."""
    own = [piece.slots for piece in word if piece.letter in "%‰" or unicodedata.category(piece.letter)[0] not in "PZ"]
    return frozenset().union(*own)
