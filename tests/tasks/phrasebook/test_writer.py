"""What CLDR says, for a few values that one can check in a grammar or on a calendar."""

from datetime import datetime
from decimal import Decimal

import pytest

from regard.errors import ConfigError
from regard.tasks.phrasebook.writer import MissingError, Writer, fields, find_locale, shown

EN, DE, JA, AR = Writer("en"), Writer("de"), Writer("ja"), Writer("ar")
AFTERNOON = datetime(2024, 3, 5, 15, 7, 9)  # a Tuesday


def test_days() -> None:
    assert EN.when("full date", AFTERNOON) == "Tuesday, March 5, 2024"
    assert DE.when("full date", AFTERNOON) == "Dienstag, 5. März 2024"
    assert JA.when("long date", AFTERNOON) == "2024年3月5日"


def test_times_count_to_12_or_24_as_the_locale_does() -> None:
    assert (EN.when("short time", AFTERNOON), DE.when("short time", AFTERNOON)) == ("3:07 PM", "15:07")
    assert (EN.when("Ejm", AFTERNOON), DE.when("Ejm", AFTERNOON)) == ("Tue 3:07 PM", "Di., 15:07")


def test_ranges_say_once_what_both_ends_share() -> None:
    assert EN.span("yMMMd", datetime(2024, 3, 5), datetime(2024, 3, 17)) == "Mar 5 – 17, 2024"
    assert DE.span("yMMMd", datetime(2024, 3, 5), datetime(2024, 3, 17)) == "5.–17. März 2024"
    assert EN.span("jm", datetime(2024, 1, 1, 9, 30), datetime(2024, 1, 1, 14, 5)) == "9:30 AM – 2:05 PM"


@pytest.mark.parametrize(
    ("number", "german", "english"),
    [("1", "1 Tag", "1 day"), ("2", "2 Tage", "2 days"), ("1.5", "1,5 Tage", "1.5 days")],
)
def test_units_agree_with_their_number(number: str, german: str, english: str) -> None:
    written = [writer.quantity(Decimal(number), "duration-day") for writer in (DE, EN)]
    assert written == [german, english]


def test_arabic_has_a_dual_and_a_plural_of_few() -> None:
    assert AR.quantity(Decimal(2), "duration-day") == "يومان"
    assert AR.quantity(Decimal(3), "duration-day") == "3 أيام"


def test_cases_after_prepositions() -> None:
    assert [DE.relative(count, "day") for count in (1, 3, -1, -3)] == [
        "in 1 Tag", "in 3 Tagen", "vor 1 Tag", "vor 3 Tagen",
    ]  # fmt: skip
    assert [EN.relative(count, "week") for count in (90, -1)] == ["in 90 weeks", "1 week ago"]


def test_money_and_shares() -> None:
    assert [EN.money(Decimal(n), "EUR") for n in (1, 1200)] == ["1 euro", "1,200 euros"]
    assert [writer.price(Decimal("12.5"), "EUR") for writer in (EN, DE)] == ["€12.50", "12,50 €"]
    assert [writer.percent(Decimal("12.5")) for writer in (EN, DE)] == ["12.5%", "12,5 %"]
    assert DE.per("12,50 €", "mass-kilogram") == "12,50 € pro Kilogramm"


def test_lists_of_two_and_of_more() -> None:
    assert EN.joined("standard", ["a", "b"]) == "a and b"
    assert EN.joined("or", ["a", "b", "c", "d"]) == "a, b, c, or d"
    assert JA.joined("standard", ["a", "b", "c"]) == "a、b、c"
    assert DE.joined("unit", ["1 Tag", "2 Stunden"]) == "1 Tag, 2 Stunden"


def test_names() -> None:
    assert [DE.name(*what) for what in (("territory", "DE"), ("language", "ja"))] == ["Deutschland", "Japanisch"]


def test_every_space_can_be_typed() -> None:
    texts = [EN.when("short time", AFTERNOON), DE.percent(Decimal(5)), EN.span("y", datetime(1999, 1, 1), AFTERNOON)]
    assert all(character == " " or not character.isspace() for text in texts for character in text)


def test_patterns_tell_what_they_show() -> None:
    assert shown("h:mm a") == shown("HH:mm") == shown("Hm") == {"H", "m"}
    assert shown("h:mm") == {"h", "m"}, "without the half of the day the hour is not told"
    assert fields("EEEE, d. LLLL y G 'Uhr'") == {"E", "d", "M", "y"}


def test_what_a_locale_lacks_is_missing() -> None:
    with pytest.raises(MissingError):
        EN.when("yMMMMEEEEdd", AFTERNOON)
    with pytest.raises(MissingError):
        EN.name("territory", "XX")
    with pytest.raises(MissingError):
        EN.quantity(Decimal(1), "length-cubit")


def test_one_locale_leaves_no_trace_in_another() -> None:
    before = [AR.when("yMMMd", AFTERNOON), Writer("fa").when("yMMMd", AFTERNOON)]
    for sparse in ("aa", "gez", "he", "vo"):
        Writer(sparse).when("yMMMEd", AFTERNOON)
    assert [Writer("ar").when("yMMMd", AFTERNOON), Writer("fa").when("yMMMd", AFTERNOON)] == before


@pytest.mark.parametrize(("identifier", "found"), [("pt-BR", "pt_BR"), ("zh_Hant", "zh_Hant"), ("de", "de")])
def test_locales_are_found(identifier: str, found: str) -> None:
    assert str(find_locale(identifier)) == found


@pytest.mark.parametrize(("identifier", "near"), [("german", "did you mean 'de'"), ("??", "such as en, de, pt_BR")])
def test_unknown_locales_are_refused_with_near_ones(identifier: str, near: str) -> None:
    with pytest.raises(ConfigError) as caught:
        find_locale(identifier)
    assert caught.value.problem == f"unknown locale {identifier!r}"
    assert near in caught.value.hint
