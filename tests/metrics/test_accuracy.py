import random
from functools import cache

import pytest

from regard import __version__
from regard.metrics.accuracy import (
    ExactMatch,
    PhoneErrorRate,
    TokenAccuracy,
    WordErrorRate,
    edit_distance,
    split_at_spaces,
)


def random_words(seed: int, count: int, alphabet: str = "abc", longest: int = 6) -> list[str]:
    generator = random.Random(seed)
    return [" ".join(generator.choices(alphabet, k=generator.randint(0, longest))) for _ in range(count)]


def distance_by_definition(first: str, second: str) -> int:
    @cache
    def edits(i: int, j: int) -> int:
        if i == 0 or j == 0:
            return i + j
        changed = first[i - 1] != second[j - 1]
        return min(edits(i - 1, j) + 1, edits(i, j - 1) + 1, edits(i - 1, j - 1) + changed)

    return edits(len(first), len(second))


@pytest.mark.parametrize(
    ("first", "second", "edits"),
    [("", "", 0), ("", "abc", 3), ("abc", "", 3), ("kitten", "sitting", 3), ("sunday", "saturday", 3), ("ab", "ba", 2)],
)
def test_edits_by_hand(first: str, second: str, edits: int) -> None:
    assert edit_distance(first, second) == edits


def test_edits_as_defined_and_as_a_distance() -> None:
    words = [word.replace(" ", "") for word in random_words(seed=1, count=25)]
    for first in words:
        for second in words:
            edits = edit_distance(first, second)
            assert edits == distance_by_definition(first, second) == edit_distance(second, first)
            assert edits <= edit_distance(first, "abca") + edit_distance("abca", second)


def test_tokens_stand_between_spaces() -> None:
    assert split_at_spaces("  a  b c ") == ["a", "b", "c"]
    assert split_at_spaces("1\u00a0€ now") == ["1\u00a0€", "now"]
    assert split_at_spaces(" ") == []


def test_exact_match_and_wer_by_hand() -> None:
    outputs = ["HH AH L OW", "R EH D", "T", "Z UW"]
    references = [["HH AH L OW", "HH EH L OW"], ["R IY D", "R EH D"], ["D"], ["Z"]]
    assert ExactMatch().score(outputs, references).value == 50.0
    result = WordErrorRate().score(outputs, references)
    assert result.value == 50.0
    assert result.details == {"wrong": 2.0, "outputs": 4.0}


def test_spaces_are_not_counted_but_every_character_is() -> None:
    assert ExactMatch().score(["a  b "], [["a b"]]).value == 100.0
    assert ExactMatch().score(["5\u00a0€"], [["5 €"]]).value == 0.0
    assert ExactMatch().score(["A b"], [["a b"]]).value == 0.0


def test_wer_is_what_exact_match_lacks() -> None:
    outputs = random_words(seed=2, count=200, longest=3)
    references = [[a, b] for a, b in zip(random_words(3, 200, longest=3), random_words(4, 200, longest=3), strict=True)]
    right, wrong = (metric.score(outputs, references).value for metric in (ExactMatch(), WordErrorRate()))
    assert 0 < right < 100
    assert right + wrong == pytest.approx(100, abs=1e-12)


def test_per_by_hand() -> None:
    outputs = ["AH B K", "T EH S T", "M"]
    references = [["AH B K S T", "AH D K"], ["T EH S T"], ["N AH M"]]  # edits 1 of 3, 0 of 4, 2 of 3
    result = PhoneErrorRate().score(outputs, references)
    assert result.value == pytest.approx(100 * 3 / 10)
    assert result.details == {"edits": 3.0, "reference_tokens": 10.0}


@pytest.mark.parametrize("references", [["A", "A B C"], ["A B C", "A"]])
def test_of_two_closest_references_the_longest_counts(references: list[str]) -> None:
    assert PhoneErrorRate().score(["A B"], [references]).value == pytest.approx(100 / 3)


def test_per_can_exceed_100() -> None:
    assert PhoneErrorRate().score(["a b c d"], [["x"]]).value == 400.0


@pytest.mark.parametrize(("output", "error"), [("", 0.0), ("a b", 100.0)])
def test_a_reference_without_tokens(output: str, error: float) -> None:
    assert PhoneErrorRate().score([output], [[""]]).value == error


def test_token_accuracy_by_hand() -> None:
    outputs = ["a b c", "a b c d", "x", ""]
    references = [["a c"], ["a b x d"], ["x"], ["y y"]]  # edits 1, 1, 0, 2; longer lengths 3, 4, 1, 2
    result = TokenAccuracy().score(outputs, references)
    assert result.value == pytest.approx(100 * 6 / 10)
    assert result.details == {"right": 6.0, "tokens": 10.0}


def test_token_accuracy_keeps_between_0_and_100_and_is_full_only_when_exact() -> None:
    for output, reference in zip(random_words(5, 300), random_words(6, 300), strict=True):
        tokens = TokenAccuracy().score([output, "a"], [[reference], ["a"]]).value
        exact = ExactMatch().score([output, "a"], [[reference], ["a"]]).value
        assert 0 < tokens <= 100
        assert (tokens == 100) == (exact == 100)


def test_the_signature_says_how_references_are_used() -> None:
    references = [["a", "b"], ["c", "d"]]
    signatures = [metric.signature(references) for metric in (ExactMatch(), WordErrorRate(), PhoneErrorRate())]
    assert signatures == [
        f"exact_match|nrefs:2|case:mixed|tok:space|refs:any|version:{__version__}",
        f"wer|nrefs:2|case:mixed|tok:space|word:whole-output|refs:any|version:{__version__}",
        "per|nrefs:2|case:mixed|tok:space|refs:closest|ties:longest|ratio:sum-edits/sum-reference-tokens"
        f"|version:{__version__}",
    ]
