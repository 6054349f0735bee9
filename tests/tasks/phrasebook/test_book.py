"""The laws of the phrasebook, for several pairs of locales."""

from decimal import Decimal
from functools import cache
from random import Random

import pytest

from regard.data.pairs import Pair
from regard.errors import ConfigError
from regard.registry import load_object
from regard.tasks import phrasebook
from regard.tasks.base import Splits
from regard.tasks.configs import PhrasebookConfig
from regard.tasks.phrasebook import Phrasebook, nearest_training_phrase
from regard.tasks.phrasebook.book import _Collector, shared_patterns
from regard.tasks.phrasebook.dice import Dice
from regard.tasks.phrasebook.inventory import take_inventory
from regard.tasks.phrasebook.meanings import Quantity, When
from regard.tasks.phrasebook.phrases import PATTERNS
from regard.tasks.phrasebook.words import words
from regard.tasks.phrasebook.writer import Writer

TRAIN, VALID, TEST = 800, 40, 80
LOCALES = pytest.mark.parametrize(
    "locales",
    [
        ("en", "de"),
        ("en", "ja"),
        ("ar", "zh_Hant"),
        pytest.param(("hi", "th"), marks=pytest.mark.slow),
        pytest.param(("pt-BR", "he"), marks=pytest.mark.slow),
        pytest.param(("es", "ru"), marks=pytest.mark.slow),
    ],
    ids="-".join,
)


@cache
def book(source: str, target: str, seed: int = 1) -> Splits:
    config = PhrasebookConfig(source=source, target=target, seed=seed, train=TRAIN, valid=VALID, test=TEST)
    return Phrasebook(config).splits()


def all_pairs(splits: Splits) -> list[Pair]:
    return [*splits.train, *splits.valid, *splits.test]


@LOCALES
def test_the_splits_have_their_sizes_and_share_no_source_and_no_target(locales: tuple[str, str]) -> None:
    splits = book(*locales)
    assert [len(splits.train), len(splits.valid), len(splits.test)] == [TRAIN, VALID, TEST]
    for side in ("source", "target"):
        train, valid, test = (
            {getattr(pair, side) for pair in part} for part in (splits.train, splits.valid, splits.test)
        )
        assert not train & valid
        assert not train & test
        assert not valid & test


@LOCALES
def test_no_source_has_two_targets(locales: tuple[str, str]) -> None:
    pairs = all_pairs(book(*locales))
    assert len({pair.source for pair in pairs}) == len(pairs)


@LOCALES
def test_every_word_of_a_held_out_pair_has_been_trained_on(locales: tuple[str, str]) -> None:
    splits = book(*locales)
    for side in ("source", "target"):
        seen = {word for pair in splits.train for word in words(getattr(pair, side))}
        unseen = {word for pair in (*splits.valid, *splits.test) for word in words(getattr(pair, side))} - seen
        assert not unseen


def test_a_held_out_phrase_needs_a_value_of_its_own() -> None:
    def one_or_two(dice: Dice) -> Quantity:
        return Quantity(Decimal(dice.pick((1, 2))), dice.pick(dice.inventory.units))

    source, target = Writer("en"), Writer("de")
    inventory = take_inventory(source, target)
    collector = _Collector(source, target, [one_or_two])
    assert len(collector.collect(9, "train", Dice(Random(1), "train", inventory))) == 9
    with pytest.raises(ConfigError, match="give no more than 0 phrases to test"):
        collector.collect(1, "test", Dice(Random(1), "test", inventory))


@LOCALES
def test_texts_are_tidy(locales: tuple[str, str]) -> None:
    for pair in all_pairs(book(*locales)):
        for text in (pair.source, pair.target):
            assert text == " ".join(text.split())
            assert "{" not in text


@LOCALES
def test_most_patterns_work_and_the_others_say_why_not(locales: tuple[str, str]) -> None:
    report = book(*locales).report
    assert len(report["patterns"]) >= 25
    assert all(reason.startswith(("no data for ", "one source ")) for reason in report["skipped"].values())


def test_english_phrases_have_six_words_on_average() -> None:
    pairs = all_pairs(book("en", "de"))
    assert sum(len(pair.source.split()) for pair in pairs) / len(pairs) >= 6


def test_looking_the_nearest_phrase_up_is_no_way_to_translate() -> None:
    splits = book("en", "de")
    found = nearest_training_phrase(splits.train, [pair.source for pair in splits.test])
    right = sum(text == pair.target for text, pair in zip(found, splits.test, strict=True))
    assert right < 0.2 * len(splits.test)


def test_the_same_seed_gives_the_same_pairs_and_another_seed_others() -> None:
    assert book.__wrapped__("en", "de") == book("en", "de")
    assert book("en", "de").test != book("en", "de", 2).test


def test_no_seed_trains_on_a_day_that_another_tests() -> None:
    one, other = book("en", "de"), book("en", "de", 2)
    assert not {pair.source for pair in one.train} & {pair.source for pair in other.test if "day, " in pair.source}


def shared(source: str, target: str) -> tuple[set[str], dict[str, str]]:
    writers = Writer(source), Writer(target)
    patterns, skipped = shared_patterns(*writers, take_inventory(*writers))
    return set(patterns), skipped


def test_a_word_with_two_translations_costs_a_pattern() -> None:
    """English May is long and short at once; Portuguese maio and mai. are not."""
    assert shared("en", "pt")[1]["moment to the second"] == "one source would have two targets"
    assert book("en", "de").report == {"patterns": list(PATTERNS), "skipped": {}}


def test_a_locale_with_hardly_any_data_of_its_own_still_works() -> None:
    assert len(shared("en", "vo")[0]) >= 20


def test_an_unknown_locale_is_named() -> None:
    with pytest.raises(ConfigError, match=r"task.target: unknown locale 'jp'"):
        Phrasebook(PhrasebookConfig(target="jp")).splits()


def test_too_many_phrases_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    quarters = {"quarter": lambda dice: When("yQQQQ", dice.quarter())}  # of a hundred years
    monkeypatch.setattr(phrasebook.book, "PATTERNS", quarters)
    with pytest.raises(ConfigError, match=r"en and de give no more than 3\d\d phrases to train with, not 401"):
        Phrasebook(PhrasebookConfig(train=401, valid=1, test=1)).splits()


def test_the_config_names_the_class() -> None:
    assert load_object(PhrasebookConfig().part) is Phrasebook
