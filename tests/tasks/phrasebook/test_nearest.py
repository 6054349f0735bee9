import time

import pytest

from regard.data.pairs import Pair
from regard.tasks.phrasebook import nearest_training_phrase

TRAIN = [Pair("in 3 days", "in 3 Tagen"), Pair("in 3 weeks", "in 3 Wochen"), Pair("May 5, 2024", "5. Mai 2024")]


def test_a_known_phrase_is_its_own_neighbour() -> None:
    assert nearest_training_phrase(TRAIN, [pair.source for pair in TRAIN]) == [pair.target for pair in TRAIN]


def test_the_nearest_shares_most_trigrams() -> None:
    assert nearest_training_phrase(TRAIN, ["in 8 weeks", "May 15, 2024"]) == ["in 3 Wochen", "5. Mai 2024"]


def test_a_long_phrase_does_not_win_by_its_length() -> None:
    train = [Pair("in 3 days or in 3 weeks or in 3 years", "long"), Pair("in 3 day", "short")]
    assert nearest_training_phrase(train, ["in 3 days"]) == ["short"]


def test_nothing_in_common_takes_the_first() -> None:
    assert nearest_training_phrase(TRAIN, ["ψψψ"]) == ["in 3 Tagen"]


def test_no_training_pairs() -> None:
    with pytest.raises(ValueError, match="no training pairs"):
        nearest_training_phrase([], ["x"])


@pytest.mark.slow
def test_many_are_looked_up_in_seconds() -> None:
    train = [Pair(f"{number} kilometers or {number * 7 % 1013} liters", str(number)) for number in range(40_000)]
    started = time.process_time()
    found = nearest_training_phrase(train, [pair.source for pair in train[::80]])
    assert found == [str(number) for number in range(0, 40_000, 80)]
    assert time.process_time() - started < 20
