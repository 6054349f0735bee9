from collections import Counter
from datetime import datetime, timedelta

from regard.tasks.splits import SPLITS, split_of


def test_a_value_is_at_home_in_one_split() -> None:
    assert split_of(("day", 3)) == split_of(("day", 3))
    assert {split_of(number) for number in range(1000)} == set(SPLITS)


def test_a_tenth_of_the_values_is_for_each_of_the_held_out_splits() -> None:
    homes = Counter(split_of(datetime(1950, 1, 1) + timedelta(day)) for day in range(20_000))
    assert abs(homes["valid"] - 2000) < 200  # about five times the standard deviation
    assert abs(homes["test"] - 2000) < 200
