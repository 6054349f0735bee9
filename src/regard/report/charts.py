"""Line charts and interval charts as inline SVG; the numbers stand in a table beside them."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from regard.report.markup import Markup, joined, tag
from regard.report.words import decimal, large, scientific

Point = tuple[float, float]

WIDTH, HEIGHT = 420, 230
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 12, 34
MOST_POINTS = 240
"""Points of a line; more would not be seen."""


@dataclass(frozen=True, slots=True)
class Series:
    """A line with its name; its place among others decides colour and dashes."""

    name: str
    points: Sequence[Point]


@dataclass(frozen=True, slots=True)
class Axis:
    """A stretch of numbers, its ticks, and where on the picture they lie."""

    low: float
    high: float
    ticks: tuple[float, ...]
    first: float  # where `low` lies
    last: float  # where `high` lies

    @classmethod
    def over(cls, values: Sequence[float], first: float, last: float, most_ticks: int) -> "Axis":
        """Make an axis with round ticks on which all values lie."""
        low, high = min(values), max(values)
        if low == high:
            low, high = low - (abs(low) / 2 or 1), high + (abs(high) / 2 or 1)
        step = round_step((high - low) / most_ticks)
        low, high = math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step
        ticks = tuple(low + i * step for i in range(round((high - low) / step) + 1))
        return cls(low, high, ticks, first, last)

    def place(self, value: float) -> float:
        """Return where on the picture a value lies."""
        return self.first + (value - self.low) / (self.high - self.low) * (self.last - self.first)


def round_step(least: float) -> float:
    """Return the smallest of 1, 2, 5, 10, 20, 50 ... and their tenths that is no less."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= least * (1 - 1e-9))


def line_chart(title: str, unit: str, series: Sequence[Series], marked: float | None = None, mark: str = "") -> Markup:
    """Return a figure of lines over the steps; `marked` is the step of an upright line that `mark` names."""
    shown = [Series(each.name, _thinned(_finite(each.points))) for each in series]
    shown = [each for each in shown if each.points]
    if not shown:
        return Markup("")
    x = Axis.over([step for each in shown for step, _ in each.points] + [0.0], LEFT, WIDTH - RIGHT, 5)
    y = Axis.over([value for each in shown for _, value in each.points], HEIGHT - BOTTOM, TOP, 5)
    parts = [*_grid(x, y), *([] if marked is None else _upright(x.place(marked), mark))]
    parts += [_line(each.points, x, y, i) for i, each in enumerate(shown)]
    words = f"{title} over the steps: " + "; ".join(_course(each) for each in shown)
    return _figure(title, unit, words, parts, [each.name for each in shown])


@dataclass(frozen=True, slots=True)
class Bar:
    """A value with its interval, under a name."""

    name: str
    value: float
    interval: Point | None


def interval_chart(title: str, unit: str, bars: Sequence[Bar]) -> Markup:
    """Return a figure of values side by side, each with its interval."""
    reach = [number for bar in bars for number in (bar.value, *(bar.interval or ()))]
    y = Axis.over(reach, HEIGHT - BOTTOM, TOP, 5)
    step = (WIDTH - RIGHT - LEFT) / len(bars)
    parts = _levels(y)
    for i, bar in enumerate(bars):
        x = LEFT + (i + 0.5) * step
        low, high = (y.place(end) for end in bar.interval or (bar.value, bar.value))
        parts.append(_shape("line", "reach", x1=x, x2=x, y1=low, y2=high))
        parts.append(_shape("circle", "dot", cx=x, cy=y.place(bar.value), r=5))
        parts.append(_label(bar.name, x, HEIGHT - BOTTOM + 18, "middle"))
    words = f"{title}: " + "; ".join(f"{bar.name}: {decimal(bar.value, 1)}" for bar in bars)
    return _figure(title, unit, words, parts, [])
