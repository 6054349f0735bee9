import numpy as np

from regard.inspection.words import Words
from regard.text.configs import BpeConfig, CharactersConfig, SpacedConfig
from regard.text.tokenizer import learn_tokenizer
from regard.text.words import word_spans

EYE = np.eye(2)


def split_words(text: str) -> list[str]:
    return [text[first:last] for first, last in word_spans(text)]


def test_words_of_a_text() -> None:
    assert split_words(" in 3 days,  or so ") == ["in", "3", "days,", "or", "so"]
    assert split_words("東京 は 12月。") == ["東", "京", "は", "12", "月", "。"]
    assert split_words("") == []


def test_pieces_are_summed_or_averaged_into_words() -> None:
    tokenizer = learn_tokenizer(CharactersConfig(), ["ab cd"])
    words = Words.of(tokenizer, list("ab cd"), after=("</s>",))
    assert words.texts == ("ab", "cd", "</s>")
    assert words.sums(np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])).tolist() == [6.0, 9.0, 6.0]  # the space goes before
    assert words.means(np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])).tolist() == [2.0, 4.5, 6.0]
    assert words.plain == [0, 1]


def test_letters_are_words_where_no_text_has_a_space() -> None:
    tokenizer = learn_tokenizer(CharactersConfig(), ["abc"])
    words = Words.of(tokenizer, list("abc"), after=("</s>",))
    assert words.texts == ("a", "b", "c", "</s>")
    assert (words.shares == np.eye(4)).all()
    assert Words.of(learn_tokenizer(CharactersConfig(), ["a b"]), list("ab")).texts == ("ab",)
    assert Words.of(learn_tokenizer(SpacedConfig(), ["abc"]), ["abc"]).texts == ("abc",)


def test_special_tokens_before_and_after_are_words() -> None:
    tokenizer = learn_tokenizer(SpacedConfig(), ["a b"])
    words = Words.of(tokenizer, ["b", "a"], before=("<s>",))
    assert (words.texts, words.plain) == (("<s>", "b", "a"), [1, 2])
    assert (words.shares == np.eye(3)).all()


def test_a_piece_of_several_words_belongs_to_each_alike() -> None:
    tokenizer = learn_tokenizer(SpacedConfig(), ["東京 は"])
    words = Words.of(tokenizer, ["東京", "は"])
    assert words.texts == ("東", "京", "は")
    assert words.sums(np.array([1.0, 0.5])).tolist() == [0.5, 0.5, 0.5]


def test_bytes_of_a_character_stay_together() -> None:
    tokenizer = learn_tokenizer(BpeConfig(vocabulary=300), ["in three days"] * 9)
    tokens = tokenizer.split("in 京 days")
    words = Words.of(tokenizer, tokens)
    assert words.texts == ("in", "京", "days")
    assert words.shares.sum() == len(tokens)
    assert words.shares[:, 1].sum() == sum(token.startswith("<0x") for token in tokens) == 3


def test_a_text_of_spaces_is_a_word() -> None:
    tokenizer = learn_tokenizer(CharactersConfig(), ["a b"])
    words = Words.of(tokenizer, [" ", " "], after=("</s>",))
    assert words.texts == ("  ", "</s>")
    assert words.sums(np.array([1.0, 2.0, 4.0])).tolist() == [3.0, 4.0]
