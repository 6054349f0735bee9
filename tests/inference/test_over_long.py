import random

import pytest

from regard.inference.over_long import joined, parts


def texts(text: str, longest: int) -> list[str]:
    """Return the parts of a text whose tokens are characters."""
    return ["".join(tokens) for tokens in parts(text, list, longest)]


def test_what_fits_stays_whole() -> None:
    assert texts("One. Two.", 9) == ["One. Two."]


def test_sentences_come_before_spaces() -> None:
    assert texts("One two three four. Five.", 20) == ["One two three four.", "Five."]


def test_of_several_sentence_ends_the_one_nearest_to_the_middle() -> None:
    assert texts("A. B. Ccccc! D.", 12) == ["A. B.", "Ccccc! D."]
    assert texts("Aaaa. Bbbb. Cccc.", 11) == ["Aaaa. Bbbb.", "Cccc."]


def test_a_sentence_that_is_too_long_is_cut_at_spaces() -> None:
    assert texts("one two three four", 10) == ["one two", "three four"]


def test_a_word_that_is_too_long_is_cut_anywhere() -> None:
    assert texts("abcdefghij", 3) == ["ab", "cde", "fg", "hij"]


@pytest.mark.parametrize(
    ("outputs", "whole"),
    [
        (["One.", "Two."], "One. Two."),
        (["これは本です。", "あれは犬です。"], "これは本です。あれは犬です。"),
        (["สวัสดี", "ครับ"], "สวัสดีครับ"),
        (["本", "Two", "犬"], "本 Two 犬"),
        (["한국어", "입니다"], "한국어 입니다"),
        (["", "One.", ""], "One."),
        ([], ""),
    ],
)
def test_outputs_are_joined_as_their_script_does(outputs: list[str], whole: str) -> None:
    assert joined(outputs) == whole


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("これは本です。あれは犬です。", ["これは本です。", "あれは犬です。"]),
        ("「はい。」いいえ。", ["「はい。」", "いいえ。"]),
        ("он идёт… она тоже идёт", ["он идёт…", "она тоже идёт"]),
        ('"Stop." He stopped.', ['"Stop."', "He stopped."]),
        ("यह किताब है। वह कुत्ता है।", ["यह किताब है।", "वह कुत्ता है।"]),
    ],
)
def test_sentences_end_in_many_scripts(text: str, expected: list[str]) -> None:
    assert texts(text, len(text) - 1) == expected


def test_a_point_within_a_word_ends_no_sentence() -> None:
    assert texts("version 3.14159 is out", 15) == ["version", "3.14159 is out"]


def test_a_character_of_several_tokens_comes_out_as_it_is() -> None:
    def as_bytes(text: str) -> list[str]:
        return [f"<{byte:02X}>" for byte in text.encode()]

    assert parts("犬a", as_bytes, 2) == [["<E7>", "<8A>", "<AC>"], ["<61>"]]


@pytest.mark.parametrize("seed", range(20))
def test_nothing_is_lost_but_spaces_and_no_part_is_too_long(seed: int) -> None:
    draw = random.Random(seed)
    text = "".join(draw.choices("ab .!。\t", weights=[9, 9, 5, 1, 1, 1, 1], k=200))
    longest = draw.randint(1, 60)
    found = texts(text, longest)
    assert "".join("".join(part.split()) for part in found) == "".join(text.split())
    assert all(0 < len(part) <= longest for part in found)


def test_a_very_long_word_is_split_in_no_time() -> None:
    found = texts("x" * 200_000, 200)
    assert len(found) == 1024
    assert sum(map(len, found)) == 200_000
