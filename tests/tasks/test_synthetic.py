from itertools import pairwise

import pytest

from regard.errors import ConfigError
from regard.registry import load_object
from regard.tasks.configs import CopyConfig, ReverseConfig, SortConfig, SyntheticConfig
from regard.tasks.synthetic import Copy, Reverse, Sort, Synthetic

SIZES = {"train": 300, "valid": 50, "test": 50}
TASKS = [Copy(CopyConfig(**SIZES)), Reverse(ReverseConfig(**SIZES)), Sort(SortConfig(**SIZES))]
EVERY_TASK = pytest.mark.parametrize("task", TASKS, ids=lambda task: task.config.kind)


def sides(task: Synthetic) -> list[tuple[list[str], list[str]]]:
    splits = task.splits()
    pairs = [*splits.train, *splits.valid, *splits.test]
    return [(pair.source.split(" "), pair.target.split(" ")) for pair in pairs]


def test_answers_by_hand() -> None:
    letters = ["b", "a", "c", "a"]
    answers = [task.answer(letters) for task in TASKS]
    assert answers == [["b", "a", "c", "a"], ["a", "c", "a", "b"], ["a", "a", "b", "c"]]


def test_copies_are_the_same() -> None:
    assert all(source == target for source, target in sides(TASKS[0]))


def test_reversing_twice_changes_nothing() -> None:
    assert all(TASKS[1].answer(target) == source for source, target in sides(TASKS[1]))


def test_sorted_strings_never_fall_and_keep_their_letters() -> None:
    for source, target in sides(TASKS[2]):
        assert all(one <= next_one for one, next_one in pairwise(target))
        assert sorted(source) == sorted(target)


@EVERY_TASK
def test_strings_have_the_lengths_and_letters_asked_for(task: Synthetic) -> None:
    sources = [source for source, _ in sides(task)]
    assert {len(source) for source in sources} == set(range(4, 21))
    assert {letter for source in sources for letter in source} == set("abcdefghijklmnopqrstuvwxyz")


@EVERY_TASK
def test_no_string_comes_twice_in_or_across_the_splits(task: Synthetic) -> None:
    splits = task.splits()
    assert [len(splits.train), len(splits.valid), len(splits.test)] == [300, 50, 50]
    assert len({pair.source for pair in (*splits.train, *splits.valid, *splits.test)}) == 400


def test_another_seed_gives_other_strings_but_no_seed_trains_on_what_another_tests() -> None:
    one, other = (Copy(CopyConfig(seed=seed, train=3000, test=300, longest=4)).splits() for seed in (1, 2))
    assert one.train != other.train
    assert not {pair.source for pair in one.train} & {pair.source for pair in other.test}


def test_the_same_seed_gives_the_same_pairs() -> None:
    assert sides(Sort(SortConfig(**SIZES))) == sides(TASKS[2])


def test_fewer_symbols() -> None:
    task = Copy(CopyConfig(symbols=3, **SIZES))
    assert {letter for source, _ in sides(task) for letter in source} == {"a", "b", "c"}


def test_impossible_sizes_are_refused() -> None:
    task = Copy(CopyConfig(symbols=2, shortest=1, longest=2))  # a, b, aa, ab, ba, bb
    with pytest.raises(ConfigError, match=r"task.train: no more than \d different strings were found, not 50000"):
        task.splits()


@pytest.mark.parametrize("config", [CopyConfig(), ReverseConfig(), SortConfig()], ids=lambda config: config.kind)
def test_the_config_names_the_class(config: SyntheticConfig) -> None:
    assert issubclass(load_object(config.part), Synthetic)
