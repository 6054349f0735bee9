"""What a phrase says, in no language: values, and frames that arrange them. A writer puts either into words.

A frame sees its parts only as finished texts and places them by its locale's own pattern. So what became of a part can
be found again in each language, whatever the order there.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from regard.tasks.phrasebook.writer import TimeUnit, Writer


class Meaning(ABC):
    """Something that can be said in every locale."""

    __slots__ = ()

    @property
    def parts(self) -> tuple["Meaning", ...]:
        """What a frame arranges; a value has no parts."""
        return ()

    @abstractmethod
    def write(self, writer: Writer) -> str:
        """Return the words for it; raise MissingError where the writer's locale lacks them."""


@dataclass(frozen=True, slots=True)
class When(Meaning):
    """A day, a month or a time of day; `style` says what is shown of it."""

    style: str
    at: datetime

    def write(self, writer: Writer) -> str:
        return writer.when(self.style, self.at)


@dataclass(frozen=True, slots=True)
class Span(Meaning):
    """From one day, month, year or time of a day to a later one."""

    skeleton: str
    first: datetime
    last: datetime

    def write(self, writer: Writer) -> str:
        return writer.span(self.skeleton, self.first, self.last)


@dataclass(frozen=True, slots=True)
class Relative(Meaning):
    """So many units of time from now; before now if the count is below 0."""

    count: int
    unit: TimeUnit

    def write(self, writer: Writer) -> str:
        return writer.relative(self.count, self.unit)


@dataclass(frozen=True, slots=True)
class Quantity(Meaning):
    """A number of units."""

    number: Decimal
    unit: str

    def write(self, writer: Writer) -> str:
        return writer.quantity(self.number, self.unit)


@dataclass(frozen=True, slots=True)
class Money(Meaning):
    """An amount in a currency that is called by its name."""

    amount: Decimal
    currency: str

    def write(self, writer: Writer) -> str:
        return writer.money(self.amount, self.currency)


@dataclass(frozen=True, slots=True)
class Price(Meaning):
    """An amount in a currency that is shown by its sign."""

    amount: Decimal
    currency: str

    def write(self, writer: Writer) -> str:
        return writer.price(self.amount, self.currency)


@dataclass(frozen=True, slots=True)
class Percent(Meaning):
    """So many hundredths."""

    number: Decimal

    def write(self, writer: Writer) -> str:
        return writer.percent(self.number)


@dataclass(frozen=True, slots=True)
class Name(Meaning):
    """A territory, a language or a currency."""

    kind: str
    code: str

    def write(self, writer: Writer) -> str:
        return writer.name(self.kind, self.code)


@dataclass(frozen=True, slots=True)
class Joined(Meaning):
    """A list: all of its parts ("standard"), one of them ("or"), or the parts of one quantity ("unit")."""

    style: str
    items: tuple[Meaning, ...]

    @property
    def parts(self) -> tuple[Meaning, ...]:
        return self.items

    def write(self, writer: Writer) -> str:
        return writer.joined(self.style, [item.write(writer) for item in self.items])


@dataclass(frozen=True, slots=True)
class Moment(Meaning):
    """A time, or a range of times, on some day."""

    style: str
    day: Meaning
    clock: Meaning

    @property
    def parts(self) -> tuple[Meaning, ...]:
        return (self.day, self.clock)

    def write(self, writer: Writer) -> str:
        return writer.moment(self.style, self.day.write(writer), self.clock.write(writer))


@dataclass(frozen=True, slots=True)
class Rate(Meaning):
    """A quantity or a price for each unit of something else."""

    amount: Meaning
    unit: str

    @property
    def parts(self) -> tuple[Meaning, ...]:
        return (self.amount,)

    def write(self, writer: Writer) -> str:
        return writer.per(self.amount.write(writer), self.unit)
