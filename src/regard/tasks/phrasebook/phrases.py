"""The patterns of the phrasebook: what each phrase says, before any language puts it into words."""

from collections.abc import Callable

from regard.tasks.phrasebook.dice import Dice
from regard.tasks.phrasebook.meanings import Joined, Meaning, Moment, Quantity, Rate, Span, When

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


PATTERNS: dict[str, Pattern] = {
    # days
    "day in full": full_day,
    "day": long_day,
    "day with weekday": lambda dice: When("yMMMEd", dice.day()),
    "short day": lambda dice: When("yMMMd", dice.day()),
    "days in full": lambda dice: several("standard", 2, lambda: full_day(dice)),
    "one of two days": lambda dice: several("or", 2, lambda: long_day(dice)),
    "days of a year": lambda dice: several("standard", 3, lambda: When("MMMMd", dice.day_of_year())),
    "weekdays of a year": lambda dice: several("or", 2, lambda: When("MMMEd", dice.weekday_of_year())),
    "months": lambda dice: several("standard", 3, lambda: When("yMMMM", dice.month())),
    "quarters": lambda dice: several("or", 2, lambda: When("yQQQQ", dice.quarter())),
    "weekdays": lambda dice: dice.names("or", "weekday", 3),
    # times
    "moment in full": lambda dice: Moment("full", full_day(dice), clock(dice)),
    "moment": lambda dice: Moment("long", long_day(dice), clock(dice)),
    "moment to the second": lambda dice: Moment(
        "medium", When("yMMMd", dice.day()), When("medium time", dice.clock_with_seconds())
    ),
    "moment in digits": lambda dice: Moment("short", When("yMd", dice.day()), clock(dice)),
    "one of two moments": lambda dice: several("or", 2, lambda: Moment("long", long_day(dice), clock(dice))),
    "times": lambda dice: several("standard", 3, lambda: clock(dice)),
    "times in words": lambda dice: several("or", 2, lambda: When("Bhm", dice.clock())),
    "times of a week": lambda dice: several("standard", 2, lambda: When("Ejm", dice.clock_of_week())),
    # ranges
    "days from to": lambda dice: Span("yMMMd", *dice.days()),
    "weekdays from to": lambda dice: Span("yMMMEd", *dice.days()),
    "days of a year from to": lambda dice: several("or", 2, lambda: Span("MMMd", *dice.days_of_year())),
    "months from to": lambda dice: Span("yMMMM", *dice.months()),
    "years from to": lambda dice: several("standard", 2, lambda: Span("y", *dice.years())),
    "hours": lambda dice: several("or", 2, lambda: hours(dice)),
    "hours of a day": lambda dice: Moment("full", full_day(dice), hours(dice)),
    # spans of time
    "relative": lambda dice: dice.relative(),
    "one of two relatives": lambda dice: several("or", 2, dice.relative),
    "relative with a time": lambda dice: Moment("full", dice.relative(), clock(dice)),
    "duration": lambda dice: dice.duration(2),
    "long duration": lambda dice: dice.duration(3),
    # quantities
    "quantity": quantity,
    "quantities": lambda dice: several("standard", 3, lambda: quantity(dice)),
    "one of two quantities": lambda dice: several("or", 2, lambda: quantity(dice)),
    "rate": flow,
    "rates": lambda dice: several("standard", 2, lambda: flow(dice)),
    "percentages": lambda dice: several("standard", 3, dice.percent),
    # money
    "sum": lambda dice: dice.money(),
    "sums": lambda dice: several("standard", 3, dice.money),
    "one of two sums": lambda dice: several("or", 2, dice.money),
    "prices": lambda dice: several("standard", 3, dice.price),
    "unit price": unit_price,
    "one of two unit prices": lambda dice: several("or", 2, lambda: unit_price(dice)),
    # names
    "territories": lambda dice: dice.names("standard", "territory", 3),
    "one of four territories": lambda dice: dice.names("or", "territory", 4),
    "languages": lambda dice: dice.names("standard", "language", 4),
    "one of three languages": lambda dice: dice.names("or", "language", 3),
    "currencies": lambda dice: dice.names("standard", "currency", 3),
    "one of three currencies": lambda dice: dice.names("or", "currency", 3),
    "territory, language, currency": lambda dice: dice.names_of("standard", ("territory", "language", "currency")),
}
