"""The patterns of the phrasebook: what each phrase says, before any language puts it into words."""

from collections.abc import Callable

from regard.tasks.phrasebook.dice import Dice
from regard.tasks.phrasebook.meanings import Joined, Meaning, Moment, Name, Quantity, Rate, Span, When

Pattern = Callable[[Dice], Meaning]


def several(style: str, count: int, draw: Callable[[], Meaning]) -> Joined:
    """Return a list of so many drawn parts, no two the same."""
    parts: dict[Meaning, None] = {}
    while len(parts) < count:
        parts[draw()] = None
    return Joined(style, tuple(parts))


def full_day(dice: Dice) -> When:
    """Tuesday, March 5, 2024."""
    return When("full date", dice.day())


def long_day(dice: Dice) -> When:
    """March 5, 2024."""
    return When("long date", dice.day())


def clock(dice: Dice) -> When:
    """3:07 PM."""
    return When("short time", dice.clock())


def hours(dice: Dice) -> Span:
    """3:07 – 4:15 PM."""
    return Span("jm", *dice.clocks())


def quantity(dice: Dice) -> Quantity:
    """12.5 kilograms."""
    return dice.quantity(dice.inventory.units)


def flow(dice: Dice) -> Rate:
    """12 kilometers per hour."""
    return Rate(dice.quantity(dice.inventory.flows), dice.pick(dice.inventory.times))


def unit_price(dice: Dice) -> Rate:
    """€12.50 per liter."""
    return Rate(dice.price(), dice.pick(dice.inventory.sold_by))


def name(dice: Dice) -> Name:
    """Switzerland, Japanese or Swiss Franc."""
    return dice.name(dice.pick(("territory", "language", "currency")))


PATTERNS: dict[str, Pattern] = {
    # days
    "day in full": full_day,
    "day with weekday": lambda dice: When("yMMMEd", dice.day()),
    "days in full": lambda dice: several("standard", 2, lambda: full_day(dice)),
    "one of two days": lambda dice: several("or", 2, lambda: long_day(dice)),
    "three days": lambda dice: several("standard", 3, lambda: long_day(dice)),
    "days of a year": lambda dice: several("standard", 3, lambda: When("MMMMd", dice.day_of_year())),
    "months": lambda dice: several("standard", 3, lambda: When("yMMMM", dice.month())),
    "quarters": lambda dice: several("or", 3, lambda: When("yQQQQ", dice.quarter())),
    # times
    "moment in full": lambda dice: Moment("full", full_day(dice), clock(dice)),
    "moment": lambda dice: Moment("long", long_day(dice), clock(dice)),
    "moment to the second": lambda dice: Moment(
        "medium", When("yMMMd", dice.day()), When("medium time", dice.clock_with_seconds())
    ),
    "moment in digits": lambda dice: Moment("short", When("yMd", dice.day()), clock(dice)),
    "one of two moments": lambda dice: several("or", 2, lambda: Moment("long", long_day(dice), clock(dice))),
    "times": lambda dice: several("standard", 3, lambda: clock(dice)),
    # ranges
    "months from to": lambda dice: Span("yMMMM", *dice.months()),
    "years from to": lambda dice: several("standard", 2, lambda: Span("y", *dice.years())),
    "hours": lambda dice: several("or", 2, lambda: hours(dice)),
    "hours of a day": lambda dice: Moment("full", full_day(dice), hours(dice)),
    # spans of time
    "relative": Dice.relative,
    "one of two relatives": lambda dice: several("or", 2, dice.relative),
    "relative with a time": lambda dice: Moment("full", dice.relative(), clock(dice)),
    "duration": lambda dice: dice.duration(2),
    "long duration": lambda dice: dice.duration(3),
    # single values, few enough to keep phrases long on average
    "time, quantity, sum or name": lambda dice: dice.pick((clock, quantity, Dice.money, name))(dice),
    # quantities
    "quantities": lambda dice: several("standard", 3, lambda: quantity(dice)),
    "one of two quantities": lambda dice: several("or", 2, lambda: quantity(dice)),
    "rate": flow,
    "percentages": lambda dice: several("standard", 3, dice.percent),
    # money
    "sums": lambda dice: several("standard", 3, dice.money),
    "one of two sums": lambda dice: several("or", 2, dice.money),
    "unit price": unit_price,
    # names
    "territories": lambda dice: dice.names("standard", "territory", 3),
    "one of three territories": lambda dice: dice.names("or", "territory", 3),
    "languages": lambda dice: dice.names("standard", "language", 3),
    "currencies": lambda dice: dice.names("standard", "currency", 3),
    "territory, language, currency": lambda dice: dice.names_of("standard", ("territory", "language", "currency")),
}
