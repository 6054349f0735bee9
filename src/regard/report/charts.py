"""Line charts and interval charts as inline SVG; the numbers stand in a table beside them.

Text of a chart is small in number: its title and legend are HTML, which a narrow screen does not shrink.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from regard.report.markup import Markup, tag
from regard.report.words import decimal, scientific

Point = tuple[float, float]

WIDTH, HEIGHT = 400.0, 220.0
LEFT, RIGHT, TOP, BOTTOM = 50.0, 26.0, 20.0, 28.0
MOST_POINTS = 240  # of a line; more would not be seen
COLOURS = 6  # classes line0 to line5 in the style sheet, which differ by dashes too


@dataclass(frozen=True, slots=True)
class Series:
    """A line with its name."""

    name: str
    points: Sequence[Point]


@dataclass(frozen=True, slots=True)
class Bar:
    """A value with its interval, under a name."""

    name: str
    value: float
    interval: Sequence[float] | None


@dataclass(frozen=True, slots=True)
class Axis:
    """A stretch of numbers from tick to tick, and where on the picture it begins and ends."""

    ticks: Sequence[float]
    first: float
    last: float

    @classmethod
    def over(cls, values: Sequence[float], first: float, last: float) -> "Axis":
        """Make an axis of about five round ticks that holds all values."""
        low, high = min(values), max(values)
        step = round_step((high - low) / 5 or abs(high) / 5 or 0.2)
        start, end = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
        return cls([i * step for i in range(start, max(end, start + 1) + 1)], first, last)

    def place(self, value: float) -> float:
        """Return where on the picture a value lies."""
        low, high = self.ticks[0], self.ticks[-1]
        return self.first + (value - low) / (high - low) * (self.last - self.first)

    def words(self, tick: float) -> str:
        """Return a tick with as many digits as its neighbours need."""
        step = self.ticks[1] - self.ticks[0]
        if tick and step < 0.001:
            return scientific(tick)
        return decimal(tick, max(0, -math.floor(math.log10(step) + 1e-9)))


def round_step(least: float) -> float:
    """Return the first of ..., 0.1, 0.2, 0.5, 1, 2, 5, 10, ... that is no less."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= least * (1 - 1e-9))


def line_chart(title: str, lines: Iterable[Series], marked: float | None = None, mark: str = "") -> Markup:
    """Return a figure of lines over the steps, or nothing if there are none; `mark` is written at the step `marked`."""
    finite = [Series(line.name, [p for p in line.points if math.isfinite(p[1])]) for line in lines]
    shown = [line for line in finite if line.points]
    if not shown:
        return Markup("")
    x = Axis.over([0.0, *(step for line in shown for step, _ in line.points)], LEFT, WIDTH - RIGHT)
    y = Axis.over([value for line in shown for _, value in line.points], HEIGHT - BOTTOM, TOP)
    parts = [*_levels(y), *(_text(x.words(tick), x.place(tick), HEIGHT - 6, "middle") for tick in x.ticks)]
    if marked is not None:
        parts += _upright(x.place(marked), mark)
    parts += [_line(line.points, x, y, i) for i, line in enumerate(shown)]
    words = "; ".join(f"{line.name} from {_said(line.points[0])} to {_said(line.points[-1])}" for line in shown)
    return _figure(title, f"{title}, by step: {words}.", parts, [line.name for line in shown])


def interval_chart(title: str, bars: Sequence[Bar]) -> Markup:
    """Return a figure of values side by side, each with its interval."""
    y = Axis.over([number for bar in bars for number in (bar.value, *(bar.interval or ()))], HEIGHT - BOTTOM, TOP)
    room, parts = (WIDTH - RIGHT - LEFT) / len(bars), _levels(y)
    for i, bar in enumerate(bars):
        x = LEFT + (i + 0.5) * room
        low, high = bar.interval or (bar.value, bar.value)
        parts.append(_shape("line.reach", {"x1": x, "x2": x, "y1": y.place(low), "y2": y.place(high)}))
        parts.append(_shape("circle.dot", {"cx": x, "cy": y.place(bar.value), "r": 5}))
        parts.append(_text(bar.name, x, HEIGHT - 6, "middle"))
    words = "; ".join(f"{bar.name}: {decimal(bar.value, 1)}" for bar in bars)
    return _figure(title, f"{title}: {words}.", parts, [])


def _figure(title: str, words: str, parts: Iterable[Markup], names: Sequence[str]) -> Markup:
    keys = [tag("li", _swatch(i), name) for i, name in enumerate(names)] if len(names) > 1 else []
    box = {"viewBox": f"0 0 {WIDTH:.0f} {HEIGHT:.0f}", "role": "img", "aria-label": words}
    legend = tag("ul.legend", *keys) if keys else Markup("")
    return tag("figure", tag("figcaption", title), legend, tag("svg", *parts, attributes=box))


def _levels(y: Axis) -> list[Markup]:
    """Return a level line and its number for every tick."""
    lines = [("line.level", {"x1": LEFT, "x2": WIDTH - RIGHT, "y1": y.place(t), "y2": y.place(t)}) for t in y.ticks]
    numbers = [_text(y.words(tick), LEFT - 6, y.place(tick) + 4.5, "end") for tick in y.ticks]
    return [*(_shape(*line) for line in lines), *numbers]


def _upright(x: float, words: str) -> list[Markup]:
    """Return an upright line and, on the side with more room, what it stands for."""
    anchor, shift = ("end", -5) if x > WIDTH / 2 else ("start", 5)
    line = _shape("line.mark", {"x1": x, "x2": x, "y1": 4, "y2": HEIGHT - BOTTOM})
    return [line, _text(words, x + shift, 13.0, anchor)]


def _line(points: Sequence[Point], x: Axis, y: Axis, number: int) -> Markup:
    """Return a line through the points, thinned out evenly where they are many; a dot for a single one."""
    if len(points) == 1:
        ((step, value),) = points
        return _shape(f"circle.dot line{number % COLOURS}", {"cx": x.place(step), "cy": y.place(value), "r": 4})
    every = -(-len(points) // MOST_POINTS)
    kept = [*points[:-1:every], points[-1]]
    places = " ".join(f"{x.place(step):.1f},{y.place(value):.1f}" for step, value in kept)
    return _shape(f"polyline.line line{number % COLOURS}", {"points": places})


def _swatch(number: int) -> Markup:
    box = {"viewBox": "0 0 24 8", "width": 24, "height": 8, "aria-hidden": "true"}
    return tag("svg", _shape(f"polyline.line line{number % COLOURS}", {"points": "0,4 24,4"}), attributes=box)


def _shape(name: str, attributes: Mapping[str, object]) -> Markup:
    written = {k: f"{v:.1f}" if isinstance(v, float) else v for k, v in attributes.items()}
    return tag(name, attributes=written)


def _text(words: str, x: float, y: float, anchor: str) -> Markup:
    return tag("text", words, attributes={"x": f"{x:.1f}", "y": f"{y:.1f}", "text-anchor": anchor})


def _said(point: Point) -> str:
    return f"{decimal(point[1], 2)} at {point[0]:,.0f}"
