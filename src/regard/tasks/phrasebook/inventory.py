"""Which names and units phrases speak of: the same choice for every pair of locales, less what one of them lacks."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from babel.core import get_global
from babel.localedata import locale_identifiers
from babel.numbers import get_territory_currencies

from regard.tasks.phrasebook.meanings import Meaning, Money, Name, Percent, Price, Quantity, Rate
from regard.tasks.phrasebook.writer import SECONDS, MissingError, Writer

_TERRITORIES, _LANGUAGES, _CURRENCIES, _SIGNS = 60, 50, 40, 16  # at most, so that each occurs often
_FLOWS = (  # units of which there can be so many per hour
    *("length-millimeter", "length-centimeter", "length-meter", "length-kilometer"),
    *("length-inch", "length-foot", "length-yard", "length-mile"),
    *("mass-milligram", "mass-gram", "mass-kilogram", "mass-tonne", "mass-ounce", "mass-pound"),
    *("volume-milliliter", "volume-liter", "volume-gallon", "volume-cup", "volume-cubic-meter"),
    *("area-square-meter", "area-square-kilometer", "area-hectare", "area-acre"),
    *("energy-kilocalorie", "energy-kilojoule", "energy-kilowatt-hour"),
    *("digital-byte", "digital-megabyte", "digital-gigabyte"),
)
_STATES = (
    *("temperature-celsius", "temperature-fahrenheit", "electric-volt", "electric-ampere"),
    *("power-watt", "power-kilowatt", "power-horsepower"),
)
_TIMES = [f"duration-{unit}" for unit in SECONDS]
_SOLD_BY = [*_TIMES, "length-meter", "mass-gram", "mass-kilogram", "mass-pound", "volume-liter", "volume-gallon"]
_NUMBERS = tuple(map(Decimal, ("1", "2", "3", "7", "11", "21", "100", "1.5")))  # of many plural forms
_CUT = (",", ";", "/", "、", "،", "؛")  # what would read as the end of a name in a list
_TODAY = date(2025, 1, 1)  # currencies come and go; phrases must not


@dataclass(frozen=True, kw_only=True, slots=True)
class Inventory:
    """What both locales can name, as CLDR's codes; no two look alike in the source."""

    names: Mapping[str, Sequence[str]]  # of territories, languages and currencies
    signs: Sequence[str]  # currencies that prices are in
    units: Sequence[str]
    flows: Sequence[str]  # those of the units that make sense per unit of time
    times: Sequence[str]  # units of time that something can be "per"
    sold_by: Sequence[str]  # units that a price can be "per"


def take_inventory(source: Writer, target: Writer) -> Inventory:
    """Choose what the phrases of two locales speak of.

    Languages are those with a code of two letters and a locale of their own; territories, the homes of such languages;
    currencies, what is paid with there.
    """
    likely = get_global("likely_subtags")
    languages = [code for code in sorted(locale_identifiers()) if len(code) == 2 and code in likely]
    homes = sorted({home for code in languages if len(home := likely[code].split("_")[-1]) == 2})
    tender = sorted({code for home in homes for code in get_territory_currencies(home, _TODAY)})
    with_signs = sorted(tender, key=lambda code: (source.symbol(code) == code, code))  # without one, the code is shown

    choose = _Chooser(source, target).choose
    units = choose({unit: [Quantity(number, unit) for number in _NUMBERS] for unit in (*_FLOWS, *_STATES)})
    return Inventory(
        units=units,
        flows=[unit for unit in units if unit in _FLOWS],
        times=choose({unit: [Rate(Percent(Decimal(7)), unit)] for unit in _TIMES}),
        sold_by=choose({unit: [Rate(Price(Decimal(7), "EUR"), unit)] for unit in _SOLD_BY}),
        signs=choose({code: [Price(Decimal(7), code)] for code in with_signs[:_SIGNS]}),
        names={
            "territory": choose({code: [Name("territory", code)] for code in homes}, _TERRITORIES),
            "language": choose({code: [Name("language", code)] for code in languages}, _LANGUAGES),
            "currency": choose({code: _of_money(code) for code in tender}, _CURRENCIES),
        },
    )


def _of_money(currency: str) -> list[Meaning]:
    return [Name("currency", currency), *(Money(number, currency) for number in _NUMBERS)]


class _Chooser:
    """Takes what two locales can both say, if nothing taken before looks the same in the source."""

    def __init__(self, source: Writer, target: Writer) -> None:
        self.source, self.target = source, target
        self._taken: set[str] = set()

    def choose(self, candidates: Mapping[str, Sequence[Meaning]], most: int = 100) -> tuple[str, ...]:
        """Return the codes of which both locales can say everything; if they are too many, some, spread evenly."""
        good = [code for code, meanings in candidates.items() if self._take(meanings)]
        wanted = min(len(good), most)
        return tuple(good[i * len(good) // wanted] for i in range(wanted))

    def _take(self, meanings: Sequence[Meaning]) -> bool:
        try:
            sides = [[meaning.write(writer) for meaning in meanings] for writer in (self.source, self.target)]
        except MissingError:
            return False
        texts = {text.casefold() for text in sides[0]}
        names = [side[0] for side in sides if isinstance(meanings[0], Name)]
        if texts & self._taken or not all(map(_can_stand_in_a_list, names)):
            return False
        self._taken |= texts
        return True


def _can_stand_in_a_list(name: str) -> bool:
    return not any(letter in _CUT or unicodedata.category(letter) in {"Nd", "Ps", "Pe"} for letter in name)
