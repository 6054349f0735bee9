"""Values for phrases, drawn at random, each of them for one split only."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import TypeVar

from babel.numbers import get_currency_precision

from regard.tasks.phrasebook.inventory import Inventory
from regard.tasks.phrasebook.meanings import Joined, Money, Name, Percent, Price, Quantity, Relative
from regard.tasks.phrasebook.writer import SECONDS, MissingError
from regard.tasks.splits import Split, split_of

T = TypeVar("T")
Text = TypeVar("Text", bound=str)

_ATTEMPTS = 1000  # one in ten values is right for the smaller splits
_FIRST_YEAR, _YEARS = 1950, 100
_FIRST_DAY = datetime(_FIRST_YEAR, 1, 1)
_DAYS = (datetime(_FIRST_YEAR + _YEARS, 1, 1) - _FIRST_DAY).days
_LEAP_YEAR = datetime(2000, 1, 1)  # of days without a year
_MONDAY = datetime(2024, 1, 1)  # of times without a day
_MOST = {"year": 30, "month": 11, "week": 3, "day": 30, "hour": 23, "minute": 59, "second": 59}  # in a duration


class Dice:
    """Draws values that `split_of` gives to one split.

    Days, times, percentages and numbers that are large or broken belong to a split by themselves; small numbers,
    together with what they count; names, as the combination that they stand in. One and two of something belong to
    every split, for many languages have words of their own for these.
    """

    def __init__(self, random: Random, split: Split, inventory: Inventory) -> None:
        self.random, self.split, self.inventory = random, split, inventory
        self.own = 0  # values drawn so far that belong to this split alone

    def _own(self, draw: Callable[[], T], key: Callable[[T], object] = lambda value: value) -> T:
        for _ in range(_ATTEMPTS):
            if split_of(key(value := draw())) == self.split:
                self.own += 1
                return value
        raise MissingError(f"values to {self.split} with")

    def _number(self, most: int) -> int:
        """Return 1 to `most`."""
        return 1 + self.random.randrange(most)

    def pick(self, items: Sequence[T]) -> T:
        """Return one of the items."""
        return self.pick_different(items, 1)[0]

    def pick_different(self, items: Sequence[T], count: int) -> tuple[T, ...]:
        """Return so many of the items, no two the same.

        Raises MissingError if there are not so many.
        """
        if len(items) < count:
            raise MissingError("enough names or units")
        picked: dict[T, None] = {}
        while len(picked) < count:
            picked[items[self.random.randrange(len(items))]] = None
        return tuple(picked)

    def day(self) -> datetime:
        """Return a day of a hundred years."""
        return self._own(lambda: _FIRST_DAY + timedelta(self.random.randrange(_DAYS)))

    def day_of_year(self) -> datetime:
        """Return a day to be shown without its year."""
        return self._own(lambda: _LEAP_YEAR + timedelta(self.random.randrange(366)))

    def month(self) -> datetime:
        """Return a month, as its first day."""
        return self._own(lambda: self._start_of(range(1, 13)))

    def _start_of(self, months: Sequence[int]) -> datetime:
        return datetime(_FIRST_YEAR + self.random.randrange(_YEARS), self.pick(months), 1)

    def quarter(self) -> datetime:
        """Return a quarter, as its first day."""
        return self._own(lambda: self._start_of((1, 4, 7, 10)))

    def months(self) -> tuple[datetime, datetime]:
        """Return a month and a later one."""
        return self._own(lambda: self._sorted(lambda: self._start_of(range(1, 13))))

    def years(self) -> tuple[datetime, datetime]:
        """Return a year and a later one, as their first days."""
        return self._own(lambda: self._sorted(lambda: self._start_of((1,))))

    def clock(self) -> datetime:
        """Return a minute of the day, but not noon or midnight: where they have names, these would be too rare."""
        return self._own(lambda: _MONDAY + timedelta(hours=12 * self.random.randrange(2), minutes=self._number(719)))

    def clock_with_seconds(self) -> datetime:
        """Return a second of the day."""
        return self._own(lambda: _MONDAY + timedelta(seconds=self.random.randrange(24 * 60 * 60)))

    def clocks(self) -> tuple[datetime, datetime]:
        """Return a minute of the day and a later one."""
        return self._sorted(self.clock)

    def _sorted(self, draw: Callable[[], datetime]) -> tuple[datetime, datetime]:
        while (first := draw()) == (last := draw()):
            pass
        return min(first, last), max(first, last)

    def name(self, kind: str) -> Name:
        """Return a name that stands by itself."""
        return Name(kind, self._own(lambda: self.pick(self.inventory.names[kind])))

    def names(self, style: str, kind: str, count: int) -> Joined:
        """Return a list of so many names of one kind."""
        codes = self.inventory.names[kind]
        picked = self._own(lambda: self.pick_different(codes, count), sorted)
        return Joined(style, tuple(Name(kind, code) for code in picked))

    def names_of(self, style: str, kinds: Sequence[str]) -> Joined:
        """Return a list with a name of each kind."""
        picked = self._own(lambda: tuple(self.pick(self.inventory.names[kind]) for kind in kinds))
        return Joined(style, tuple(map(Name, kinds, picked)))

    def relative(self) -> Relative:
        """Return so many units of time from now or ago."""
        count, unit = self._count(tuple(SECONDS), (9, 60))
        return Relative(int(count) * self.pick((1, -1)), unit)

    def duration(self, parts: int) -> Joined:
        """Return so many parts of a duration, each in the next shorter unit."""
        first = self.random.randrange(len(_MOST) - parts + 1)
        units = list(_MOST)[first : first + parts]

        def draw() -> list[tuple[Decimal, str]]:
            return [(Decimal(self._number(self.pick((2, _MOST[unit])))), f"duration-{unit}") for unit in units]

        return Joined("unit", tuple(Quantity(*part) for part in self._own(draw)))

    def quantity(self, units: Sequence[str]) -> Quantity:
        """Return a number of one of the units."""
        return Quantity(*self._count(units, (9, 99, 9999, 0)))

    def money(self) -> Money:
        """Return a whole number of some currency."""
        return Money(*self._count(self.inventory.names["currency"], (9, 99, 9999)))

    def price(self) -> Price:
        """Return an amount of some currency, with its usual decimals."""
        currency = self.pick(self.inventory.signs)
        decimals = get_currency_precision(currency)
        return Price(self._own(lambda: Decimal(self._number(self.pick((999, 99999)))).scaleb(-decimals), str), currency)

    def percent(self) -> Percent:
        """Return so many hundredths, of which there may be tenths."""
        return Percent(self._own(lambda: self._whole_or_broken((100, 0)), lambda number: ("%", str(number))))

    def _whole_or_broken(self, most: Sequence[int]) -> Decimal:
        """Return a whole number up to one of `most`, where 0 asks for one with tenths."""
        if limit := self.pick(most):
            return Decimal(self._number(limit))
        return self.random.randrange(100) + Decimal(self._number(9)).scaleb(-1)

    def _count(self, things: Sequence[Text], most: Sequence[int]) -> tuple[Decimal, Text]:
        if self.pick(range(4)) == 0:
            return Decimal(self._number(2)), self.pick(things)
        return self._own(lambda: (self._whole_or_broken(most), self.pick(things)), _small_with_what_it_counts)


def _small_with_what_it_counts(counted: tuple[Decimal, str]) -> object:
    number, thing = counted
    return (str(number), thing) if number < 100 and number == int(number) else str(number)
