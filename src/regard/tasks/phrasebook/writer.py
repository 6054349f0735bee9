"""How one locale writes days, numbers, money and names: CLDR's data, by way of Babel.

Skeletons such as "yMMMd" are CLDR's (Unicode TR35, part 4); "j" in them is the hour as the locale counts it, to 12 or
to 24. The spaces that CLDR puts between words, no-break and thin ones too, come out plain: they can be typed.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from datetime import datetime
from decimal import Decimal
from difflib import get_close_matches
from typing import Any, Literal, get_args

from babel import Locale, UnknownLocaleError
from babel.dates import DateTimePattern, format_timedelta, parse_pattern, tokenize_pattern
from babel.localedata import LocaleDataDict, load, locale_identifiers
from babel.numbers import (
    format_currency,
    format_decimal,
    format_percent,
    get_currency_name,
    get_currency_symbol,
    get_currency_unit_pattern,
)

from regard.errors import ConfigError

TimeUnit = Literal["year", "month", "week", "day", "hour", "minute", "second"]

_LENGTHS = (365 * 86400, 30 * 86400, 7 * 86400, 86400, 3600, 60, 1)
SECONDS: dict[TimeUnit, int] = dict(zip(get_args(TimeUnit), _LENGTHS, strict=True))
"""Babel's units of relative time, and how long it takes them to be."""

_NEVER = 1e9  # so many units are needed before Babel goes on to a larger one

_FORMATS = {"full date": "yMEd", "long date": "yMd", "short time": "Hm", "medium time": "Hms"}  # and what they show
_LISTS = {"standard": ("standard",), "or": ("or",), "unit": ("standard", "unit-short", "unit")}  # inherit from the left
_SAME_FIELD = {"L": "M", "c": "E", "e": "E", "k": "H", "K": "h", "b": "a", "B": "a"}
_ORDER = "yMdahHm"  # fields from long to short; "a" is the half of the day
_PARTS = {
    "y": lambda at: at.year,
    "M": lambda at: at.month,
    "d": lambda at: at.day,
    "a": lambda at: at.hour // 12,
    "h": lambda at: at.hour,
    "H": lambda at: at.hour,
    "m": lambda at: at.minute,
}


class MissingError(LookupError):
    """The locale has no such name or pattern, or its pattern shows something else than was asked for."""


class _OwnLocale(Locale):
    """A locale that shares no data with others, for Babel leaves what it resolves for one in all (its issue 1234)."""

    def __init__(self, locale: Locale) -> None:
        super().__init__(locale.language, locale.territory, locale.script, locale.variant)
        data: Any = deepcopy(load(str(self)))
        self._own = LocaleDataDict(data)

    @property
    def _data(self) -> LocaleDataDict:
        return self._own


def find_locale(identifier: str) -> Locale:
    """Return Babel's locale for an identifier such as "de", "pt_BR" or "zh-Hant".

    Raises ConfigError, with near ones, if Babel has none.
    """
    try:
        return _OwnLocale(Locale.parse(identifier.replace("-", "_")))
    except (UnknownLocaleError, ValueError):
        known = {code.lower(): code for code in locale_identifiers()}
        known |= {name.lower(): code for code, name in Locale("en").languages.items() if code in known}
        close = dict.fromkeys(known[name] for name in get_close_matches(identifier.lower(), known, n=3, cutoff=0.7))
        hint = f"did you mean {' or '.join(map(repr, close))}?" if close else "such as en, de, pt_BR or zh_Hant"
        raise ConfigError(f"unknown locale {identifier!r}", hint=hint) from None


def fields(pattern: object) -> set[str]:
    """Return the fields of a date pattern or skeleton, one letter for each meaning; the era is none."""
    letters = {value[0] for kind, value in tokenize_pattern(str(pattern)) if kind == "field"}
    return {_SAME_FIELD.get(letter, letter) for letter in letters} - {"G"}


def shown(pattern: object) -> set[str]:
    """Return what a pattern tells: its fields, where an hour with its half of the day is an hour of 24."""
    told = fields(pattern)
    return told - {"a", "h"} | {"H"} if {"a", "h"} <= told else told


def plain(text: str | None) -> str:
    """Return the text with single plain spaces.

    Raises MissingError if nothing is left.
    """
    if words := (text or "").split():
        return " ".join(words)
    raise MissingError("a name or a pattern")


class Writer:
    """One locale's way of writing values; every method raises MissingError where the locale lacks one."""

    def __init__(self, identifier: str) -> None:
        self.locale = find_locale(identifier)
        self._hour = "h" if "h" in fields(self.locale.time_formats["short"]) else "H"
        self._names: dict[str, Mapping[str, str]] = {
            "territory": self.locale.territories,
            "language": self.locale.languages,
            "currency": self.locale.currencies,
        }
        self._patterns: dict[str, DateTimePattern] = {}
        self._spans: dict[tuple[str, str], tuple[DateTimePattern, DateTimePattern]] = {}
        self._numbers: dict[Decimal, tuple[str, str]] = {}
        self._units: dict[str, Mapping[str, str]] = {}
        self._currencies: dict[tuple[str, str], str] = {}
        self._lists: dict[str, dict[str, str]] = {}

    def name(self, kind: str, code: str) -> str:
        """Return the name of a territory, a language or a currency."""
        return plain(self._names[kind].get(code))

    def symbol(self, currency: str) -> str:
        """Return the sign of a currency, as in prices."""
        return plain(get_currency_symbol(currency, self.locale))

    def when(self, style: str, at: datetime) -> str:
        """Write a day, a month or a time: "full date", "long date", "short time", "medium time" or a skeleton."""
        if style not in self._patterns:
            self._patterns[style] = self._pattern(style)
        return plain(self.applied(self._patterns[style], at))

    def applied(self, pattern: DateTimePattern, at: datetime, other: datetime | None = None) -> str:
        """Fill in the fields of a pattern; of a range, `other` is the other end."""
        text: str = pattern.apply(at, self.locale)
        return text

    def _pattern(self, style: str) -> DateTimePattern:
        length, _, what = style.partition(" ")
        lengths = {"date": self.locale.date_formats, "time": self.locale.time_formats}
        skeleton = style.replace("j", self._hour)
        found = lengths[what].get(length) if what else self.locale.datetime_skeletons.get(skeleton)
        if found is None or shown(found) != shown(_FORMATS.get(style, style.replace("j", "H"))):
            raise MissingError(style)
        hours = {found.apply(datetime(2024, 1, 1, hour, 30), self.locale) for hour in range(24)}
        if "H" in shown(found) and len(hours) < 24:
            raise MissingError(style)
        return found

    def span(self, skeleton: str, first: datetime, last: datetime) -> str:
        """Write a range of days, months, years or times of one day, and only once what both ends share."""
        skeleton = skeleton.replace("j", self._hour)
        known = self.locale.interval_formats.get(skeleton, {})
        differing = (field for field in _PARTS if field in known and _PARTS[field](first) != _PARTS[field](last))
        field = next(differing, "")
        if (skeleton, field) not in self._spans:
            self._spans[skeleton, field] = self._span(skeleton, field)
        start, end = self._spans[skeleton, field]
        return plain(self.applied(start, first, last) + self.applied(end, last, first))

    def _span(self, skeleton: str, field: str) -> tuple[DateTimePattern, DateTimePattern]:
        known = self.locale.interval_formats.get(skeleton, {})
        if field not in known or "B" in known or len(known[field]) != 2:
            raise MissingError(skeleton)
        start, end = known[field]
        wanted = fields(skeleton) | ({"a"} if "h" in skeleton else set())
        twice = wanted & set(_ORDER[_ORDER.index(field) :])  # what differs, and all that is smaller
        if not (twice <= fields(start) and twice <= fields(end) and wanted == fields(start) | fields(end)):
            raise MissingError(skeleton)
        return parse_pattern(start), parse_pattern(end)

    def relative(self, count: int, unit: TimeUnit) -> str:
        """Write "in 3 days", or "3 days ago" if the count is below 0."""
        seconds = count * SECONDS[unit]
        return plain(format_timedelta(seconds, unit, threshold=_NEVER, add_direction=True, locale=self.locale))

    def _number(self, number: Decimal) -> tuple[str, str]:
        """Return a number in digits and the plural form that goes with it."""
        if number not in self._numbers:
            digits = plain(format_decimal(number, locale=self.locale))
            self._numbers[number] = digits, self.locale.plural_form(number)
        return self._numbers[number]

    def quantity(self, number: Decimal, unit: str) -> str:
        """Write a number with one of CLDR's units, which agrees with it."""
        digits, form = self._number(number)
        forms = self._unit(unit)
        return plain(forms.get(form, forms.get("other", "")).replace("{0}", digits))

    def _unit(self, unit: str) -> Mapping[str, str]:
        if unit not in self._units:
            # Babel's own look-up stops where CLDR goes on: what a long form lacks is in the short one.
            lengths = self.locale._data["unit_patterns"].get(unit, {})
            forms = {**lengths.get("short", {}), **lengths.get("long", {})}
            self._units[unit] = forms
        return self._units[unit]

    def percent(self, number: Decimal) -> str:
        """Write so many hundredths."""
        return plain(format_percent(number / 100, locale=self.locale, decimal_quantization=False))

    def money(self, amount: Decimal, currency: str) -> str:
        """Write an amount with the currency's name, which agrees with it."""
        digits, form = self._number(amount)
        if (currency, form) not in self._currencies:
            name = get_currency_name(currency, amount, self.locale)
            arranged = get_currency_unit_pattern(currency, amount, self.locale).replace("{1}", name)
            self._currencies[currency, form] = plain(arranged)
        return self._currencies[currency, form].replace("{0}", digits)

    def price(self, amount: Decimal, currency: str) -> str:
        """Write an amount with the currency's sign and its usual decimals."""
        return plain(format_currency(amount, currency, locale=self.locale))

    def per(self, text: str, unit: str) -> str:
        """Arrange a written quantity or price "per" a unit."""
        return plain(self._unit(unit).get("per", "").replace("{0}", text))

    def joined(self, style: str, texts: Sequence[str]) -> str:
        """Arrange written parts as a list: "standard" (and), "or", or "unit" (for the parts of one quantity)."""
        if style not in self._lists:
            layers = (self.locale.list_patterns.get(name, {}) for name in _LISTS[style])
            self._lists[style] = {place: pattern for layer in layers for place, pattern in layer.items()}
        places = ("2",) if len(texts) == 2 else ("start", *["middle"] * (len(texts) - 3), "end")
        text = texts[0]
        for place, more in zip(places, texts[1:], strict=True):
            text = self._lists[style][place].format(text, more)
        return plain(text)

    def moment(self, style: str, day: str, clock: str) -> str:
        """Arrange a written day and a written time, as in dates that are "full", "long", "medium" or "short"."""
        pattern = str(self.locale.datetime_formats[style]).replace("'", "")
        return plain(pattern.replace("{0}", clock).replace("{1}", day))
