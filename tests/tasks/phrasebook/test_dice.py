"""Values of one split never turn up in another; and a phrase keeps its parts in every language."""

from collections.abc import Callable
from random import Random

import pytest

from regard.tasks.phrasebook.book import PROBES
from regard.tasks.phrasebook.dice import Dice
from regard.tasks.phrasebook.inventory import take_inventory
from regard.tasks.phrasebook.meanings import Joined, Meaning, Quantity
from regard.tasks.phrasebook.phrases import PATTERNS, Pattern
from regard.tasks.phrasebook.writer import Writer
from regard.tasks.splits import SPLITS

WRITERS = Writer("en"), Writer("de")
INVENTORY = take_inventory(*WRITERS)


def drawn(draw: Callable[[Dice], object], count: int = 150) -> list[set[object]]:
    """Return what `draw` gives for each split."""
    return [{draw(Dice(Random(seed), split, INVENTORY)) for seed in range(count)} for split in SPLITS]


@pytest.mark.parametrize(
    "draw",
    [
        lambda dice: dice.day(),
        lambda dice: dice.month(),
        lambda dice: dice.quarter(),
        lambda dice: dice.clock(),
        lambda dice: dice.day_of_year(),
        lambda dice: dice.years(),
        lambda dice: dice.percent(),
        lambda dice: dice.price().amount,
        lambda dice: dice.duration(2),
        lambda dice: frozenset(dice.names("standard", "territory", 3).parts),
        lambda dice: dice.names_of("or", ("territory", "language")),
    ],
)
def test_values_of_one_split_are_unseen_in_the_others(draw: Callable[[Dice], object]) -> None:
    train, valid, test = drawn(draw)
    assert not train & valid
    assert not train & test
    assert not valid & test
    assert len(test) > 20


def test_numbers_are_unseen_if_large_and_unseen_with_their_unit_if_small_but_for_one_and_two() -> None:
    train, _, test = drawn(lambda dice: dice.quantity(INVENTORY.units), 400)
    large = [{part.number for part in split if part.number > 99 or part.number % 1} for split in (train, test)]
    assert large[0]
    assert not large[0] & large[1]
    both = {part for part in train & test if isinstance(part, Quantity)}
    assert {part.number for part in both} <= {1, 2}


def test_ranges_run_forward() -> None:
    for draw in (Dice.months, Dice.years, Dice.clocks):
        pairs = [draw(Dice(Random(seed), "valid", INVENTORY)) for seed in range(50)]
        assert all(first < last for first, last in pairs)


def test_the_probes_of_patterns_meet_every_month() -> None:
    for draw in (Dice.day, Dice.day_of_year, Dice.month):
        days = [draw(Dice(Random(seed), "train", INVENTORY)) for seed in range(PROBES)]
        assert {day.month for day in days} == set(range(1, 13))


def test_lists_never_say_the_same_twice() -> None:
    lists = [PATTERNS["quarters"](Dice(Random(seed), "test", INVENTORY)) for seed in range(200)]
    assert all(len(set(meaning.parts)) == 3 for meaning in lists)


@pytest.mark.parametrize("pattern", PATTERNS.values(), ids=PATTERNS)
def test_a_frame_keeps_the_text_of_its_parts(pattern: Pattern) -> None:
    """So that what a part became can be found in each language."""
    meaning = pattern(Dice(Random(1), "train", INVENTORY))
    for writer in WRITERS:
        assert all(part.write(writer) in meaning.write(writer) for part in meaning.parts)


def test_inventories_are_moderate_and_full() -> None:
    assert len(INVENTORY.names["territory"]) == 60
    assert len(INVENTORY.names["language"]) == 50
    assert len(INVENTORY.names["currency"]) == 40
    assert {"length-kilometer", "mass-kilogram", "volume-liter"} <= set(INVENTORY.units)


@pytest.mark.parametrize("kind", ["territory", "language", "currency"])
def test_names_differ_and_have_no_digits_or_brackets(kind: str) -> None:
    for writer in WRITERS:
        names = [writer.name(kind, code) for code in INVENTORY.names[kind]]
        assert len(set(names)) == len(names)
        assert not any(set(name) & set("0123456789(),") for name in names)


def test_meanings_are_values() -> None:
    one, other = (Dice(Random(5), "train", INVENTORY).names("or", "currency", 3) for _ in range(2))
    assert one == other
    assert isinstance(one, Joined)
    assert isinstance(one, Meaning)
