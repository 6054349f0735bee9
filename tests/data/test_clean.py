import random
from dataclasses import replace

import pytest

from regard.data.clean import CleaningConfig, clean, drop_leaks, hold_out, is_empty, uneven_lengths
from regard.data.pairs import Pair
from regard.errors import ConfigError, DataError


def made(*texts: tuple[str, str]) -> list[Pair]:
    return [Pair(source, target, line=line) for line, (source, target) in enumerate(texts, start=1)]


def numbered(count: int, copies: int = 1) -> list[Pair]:
    return made(*((f"source {i}", f"target {i}") for i in range(count) for _ in range(copies)))


MIXED = made(("a", "b"), ("", "b"), ("a", " \t"), ("\u200b", ""), ("a", "b"), ("c", "c"), ("d", "e" * 500), ("a", "x"))


def test_pairs_with_an_empty_side_are_left_out_by_reason() -> None:
    cleaned = clean(MIXED)
    assert cleaned.dropped == {"empty source": [2], "empty target": [3], "both sides empty": [4]}
    assert [pair.line for pair in cleaned.kept] == [1, 5, 6, 7, 8]


@pytest.mark.parametrize(
    ("config", "reason", "lines"),
    [
        (CleaningConfig(drop_duplicates=True), "duplicate", [5]),
        (CleaningConfig(drop_identical=True), "identical sides", [6]),
        (CleaningConfig(max_ratio=4.0), "uneven lengths", [7]),
    ],
)
def test_what_is_left_out_only_if_asked_for(config: CleaningConfig, reason: str, lines: list[int]) -> None:
    assert reason not in clean(MIXED).dropped
    assert clean(MIXED, config).dropped[reason] == lines


def test_counts_add_up_whatever_is_dropped() -> None:
    numbers = random.Random(1)
    pairs = made(*(("a" * numbers.randrange(4), "a" * numbers.choice((0, 1, 2, 90))) for _ in range(500)))
    cleaned = clean(pairs, CleaningConfig(drop_duplicates=True, drop_identical=True, max_ratio=3.0))
    assert len(cleaned.dropped) == 6
    lines = [pair.line for pair in cleaned.kept] + [line for of_one in cleaned.dropped.values() for line in of_one]
    assert sorted(lines) == list(range(1, 501))
    assert cleaned.read == 500


def test_nothing_to_clean() -> None:
    assert clean([], CleaningConfig(max_ratio=2.0)).read == 0


def test_a_factor_that_drops_everything_is_refused() -> None:
    with pytest.raises(ConfigError, match="max_ratio"):
        CleaningConfig(max_ratio=0.5)


@pytest.mark.parametrize("text", ["", " ", "\t\n\u3000\u2028", "\ufeff\u200b \u200d"])
def test_texts_of_which_nothing_can_be_seen(text: str) -> None:
    assert is_empty(text)
    assert not is_empty(f"{text}.{text}")


def test_uneven_lengths_by_hand() -> None:
    """The usual ratio is (20 + 10) / (20 + 10) = 1; one pair has 10 / 30, another 90 / 30."""
    pairs = made(*[("x" * 20, "y" * 20)] * 5, ("x" * 20, ""), ("x" * 20, "y" * 80))
    assert uneven_lengths(pairs, 2.9) == {5, 6}
    assert uneven_lengths(pairs, 3.1) == set()


def test_leaks_are_found_across_white_space() -> None:
    pairs = made(("a  b", "1"), ("c", "2"), (" a b ", "3"))
    cleaned = drop_leaks(pairs, made(("a b", "x"), ("d", "y")))
    assert [pair.line for pair in cleaned.kept] == [2]
    assert cleaned.dropped == {"source is held out": [1, 3]}
    assert drop_leaks(pairs, []).dropped == {}


@pytest.mark.parametrize(("pairs", "held_out"), [(2, 1), (4, 1), (40, 10), (80, 20), (400, 20), (1000, 50)])
def test_how_many_are_held_out(pairs: int, held_out: int) -> None:
    train, valid = hold_out(numbered(pairs))
    assert (len(train), len(valid)) == (pairs - held_out, held_out)


def test_no_more_than_enough_are_held_out() -> None:
    assert len(hold_out(numbered(9000), share=0.25)[1]) == 2000


def test_all_pairs_of_a_source_go_the_same_way() -> None:
    pairs = numbered(200, copies=3)
    pairs = [replace(pair, source=pair.source + " " * (pair.line % 3)) for pair in pairs]
    train, valid = hold_out(pairs)
    assert not {pair.source.strip() for pair in train} & {pair.source.strip() for pair in valid}
    assert len(valid) == 30
    assert sorted(train + valid, key=lambda pair: pair.line) == pairs


def test_the_order_of_the_pairs_does_not_matter() -> None:
    pairs = numbered(500)
    shuffled = random.Random(1).sample(pairs, len(pairs))
    assert set(hold_out(pairs)[1]) == set(hold_out(shuffled)[1])
    assert [pair.line for pair in hold_out(pairs)[1]] == sorted(pair.line for pair in hold_out(shuffled)[1])


def test_more_pairs_move_few_of_those_held_out() -> None:
    before, after = hold_out(numbered(1000))[1], hold_out(numbered(1100))[1]
    assert len(set(before) & set(after)) >= 0.8 * len(before)


def test_two_sources_with_many_pairs_each() -> None:
    train, valid = hold_out(made(*[("a", "x")] * 7, *[("b", "y")] * 5))
    assert {pair.source for pair in train} == {"a"}
    assert {pair.source for pair in valid} == {"b"}


@pytest.mark.parametrize(
    ("pairs", "words"),
    [([], "no pairs"), (numbered(1), "one pair"), (made(("a", "x"), ("a ", "y")), "the same source")],
)
def test_too_few_to_hold_any_out(pairs: list[Pair], words: str) -> None:
    with pytest.raises(DataError, match="nothing to hold out") as raised:
        hold_out(pairs)
    assert words in raised.value.problem
    assert "--valid" in raised.value.hint
