from collections import Counter
from collections.abc import Callable, Iterator
from math import exp, log, prod
from random import Random

import pytest

from regard.text.sampling import MergeSampler, UnigramSampler

HALVES = {"a": log(0.5), "b": log(0.5), "ab": log(0.75)}
RANKS = {"a": -3.0, "b": -3.0, "c": -3.0, "ab": 0.0, "bc": -1.0, "abc": -2.0}


def numbers(*given: float) -> Callable[[], float]:
    return iter(given).__next__


def splits(word: str) -> Iterator[tuple[str, ...]]:
    for end in range(1, len(word)):
        yield from ((word[:end], *rest) for rest in splits(word[end:]))
    yield (word,)


def shares(draws: list[list[str]]) -> dict[tuple[str, ...], float]:
    return {pieces: count / len(draws) for pieces, count in Counter(map(tuple, draws)).items()}


@pytest.mark.parametrize(("number", "pieces"), [(0.0, ["ab"]), (0.74, ["ab"]), (0.76, ["a", "b"])])
def test_unigram_by_hand(number: float, pieces: list[str]) -> None:
    # 3/4 for "ab" against 1/2 times 1/2; "a" can only begin the word
    assert UnigramSampler(HALVES, 1.0).draw("ab", numbers(number, 0.5)) == pieces


def test_the_power_brings_chances_together() -> None:
    # square roots: 0.866 against 0.707 times 0.707
    share = 0.75**0.5 / (0.75**0.5 + 0.5)
    assert UnigramSampler(HALVES, 0.5).draw("ab", numbers(share - 0.01)) == ["ab"]
    assert UnigramSampler(HALVES, 0.5).draw("ab", numbers(share + 0.01, 0.5)) == ["a", "b"]


def test_unigram_draws_in_proportion_to_probability() -> None:
    random = Random(1)
    scores = {piece: -random.uniform(1, 6) for split in splits("tower") for piece in split}
    weights = {split: prod(exp(0.4 * scores[piece]) for piece in split) for split in splits("tower")}
    sampler = UnigramSampler(scores, 0.4)
    found = shares([sampler.draw("tower", random.random) for _ in range(20_000)])
    for split, weight in weights.items():
        share = weight / sum(weights.values())
        spread = (share * (1 - share) / 20_000) ** 0.5
        assert abs(found.get(split, 0.0) - share) < 4 * spread


@pytest.mark.parametrize("sampler", [UnigramSampler(HALVES, 0.3), MergeSampler(HALVES, 0.3)])
def test_unknown_characters_stand_alone(sampler: UnigramSampler | MergeSampler) -> None:
    assert sampler.draw("日a本語", Random(1).random) == ["日", "a", "本", "語"]


@pytest.mark.parametrize(
    ("given", "pieces"),
    [
        ((0.52,), ["abc"]),  # above 1 - 0.7 * 0.7: two merges before the first that is missed out
        ((0.50, 0.0), ["ab", "c"]),  # above 1 - 0.7: one merge
        ((0.29, 0.52), ["abc"]),  # "ab" is missed out, then come two merges
        ((0.29, 0.50, 0.0), ["a", "bc"]),  # then comes one
        ((0.29, 0.29, 0.0), ["a", "b", "c"]),  # then none
    ],
)
def test_merging_by_hand(given: tuple[float, ...], pieces: list[str]) -> None:
    assert MergeSampler(RANKS, 0.3).draw("abc", numbers(*given)) == pieces


def test_merges_are_missed_out_as_often_as_worked_out() -> None:
    sampler, random = MergeSampler(RANKS, 0.3), Random(1).random
    found = shares([sampler.draw("abc", random) for _ in range(20_000)])
    expected = {
        ("abc",): 0.7 * 0.7 + 0.3 * 0.7 * 0.7,
        ("ab", "c"): 0.7 * 0.3,
        ("a", "bc"): 0.3 * 0.7 * 0.3,
        ("a", "b", "c"): 0.3 * 0.3,
    }
    assert found == pytest.approx(expected, abs=4 * (0.25 / 20_000) ** 0.5)


def test_every_merge_can_be_missed_out() -> None:
    assert MergeSampler(RANKS, 1.0).draw("abc", Random(1).random) == ["a", "b", "c"]
