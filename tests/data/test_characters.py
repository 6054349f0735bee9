import random
from collections.abc import Callable, Iterator, Sequence

import pytest

from regard.data.characters import mixed_forms, odd_characters, odd_scripts, swapped_sides
from regard.data.findings import Finding
from regard.data.pairs import Pair

Finder = Callable[[Sequence[Pair]], Iterator[Finding]]


def made(*texts: tuple[str, str]) -> list[Pair]:
    return [Pair(source, target, line=line) for line, (source, target) in enumerate(texts, start=1)]


def lines(finder: Finder, *texts: tuple[str, str]) -> dict[str, tuple[int, ...]]:
    """Return the lines of each finding by its code."""
    return {finding.code: finding.lines for finding in finder(made(*texts))}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("caf\ufffd", "replacement"),
        ("fÃ¼r", "mojibake"),
        ("Ã„rger", "mojibake"),
        ("itâ€™s", "mojibake"),
        ("ÐŸÑ€Ð¸Ð²ÐµÑ‚", "mojibake"),
        ("ï»¿first", "mojibake"),
        ("bell\x07", "control"),
        ("next\x85line", "control"),
        ("old\rMac", "carriage-return"),
        ("two\u2028lines", "invisible"),
        ("zero\u200bwidth", "invisible"),
    ],
)
def test_odd_characters_on_either_side(text: str, code: str) -> None:
    assert lines(odd_characters, ("a", "b"), (text, "b"), ("a", text)) == {code: (2, 3)}


@pytest.mark.parametrize(
    "text", ["a\ttab and a\nline end", "São Tomé, Ñandú, NÃO, ÂNGULO", "Ða bên", "می‌خواهم", "日本語 · “quotes” – dash…"]
)
def test_good_text_is_left_alone(text: str) -> None:
    assert lines(odd_characters, (text, text)) == {}


def test_accents_apart_are_found_where_others_join_them() -> None:
    assert lines(mixed_forms, ("café", "x"), ("cafe\u0301", "x"), ("e", "x")) == {"source-forms": (2,)}
    assert lines(mixed_forms, ("x", "cafe\u0301"), ("x", "e\u0301te\u0301")) == {}
    assert lines(mixed_forms, ("ɡa̠", "x"), ("k̟", "x")) == {}  # letters and accents that have no joined form


def test_texts_in_another_script() -> None:
    texts = [("good morning", "доброе утро")] * 8
    assert lines(odd_scripts, *texts, ("доброе утро", "good morning")) == {"source-script": (9,), "target-script": (9,)}
    assert lines(odd_scripts, *texts, ("12:30", "OK!")) == {}  # too few letters to judge
    (finding,) = odd_scripts(made(*texts, ("доброе утро", "утро")))
    assert finding.message == "1 source text in another script than the usual Latin"


def test_a_side_of_many_scripts_is_left_alone() -> None:
    assert lines(odd_scripts, *[("good", "x"), ("утро", "x"), ("καλή", "x"), ("שלום", "x")] * 3) == {}


def test_scripts_that_are_written_together_are_one() -> None:
    assert lines(odd_scripts, *[("日本語です", "x"), ("カタカナ", "x"), ("ひらがな", "x"), ("漢字仮名", "x")] * 5) == {}


def sentences(words: str, count: int, seed: int) -> list[str]:
    numbers = random.Random(seed)
    return [" ".join(numbers.choices(words.split(), k=8)) for _ in range(count)]


ENGLISH = sentences("the dog runs through white snow while two children watch from their house", 60, 1)
GERMAN = sentences("der Hund läuft durch weißen Schnee und zwei Kinder schauen aus ihrem Haus zu", 60, 2)


def test_swapped_sides_are_found() -> None:
    texts = list(zip(ENGLISH, GERMAN, strict=True))
    for place in (10, 40):
        texts[place] = texts[place][::-1]
    assert lines(swapped_sides, *texts) == {"swapped": (11, 41)}


def test_an_untranslated_pair_is_not_swapped() -> None:
    texts = [*zip(ENGLISH, GERMAN, strict=True), (ENGLISH[0], ENGLISH[0]), (GERMAN[0], GERMAN[0])]
    assert lines(swapped_sides, *texts) == {}


def test_sides_in_one_language_cannot_be_told_apart() -> None:
    assert lines(swapped_sides, *zip(ENGLISH[:30], ENGLISH[30:], strict=True)) == {}


@pytest.mark.parametrize("finder", [odd_characters, mixed_forms, odd_scripts, swapped_sides])
def test_next_to_nothing(finder: Finder) -> None:
    assert not list(finder([]))
    assert not list(finder(made(("", ""))))
    assert not list(finder(made(("a", "b"))))
