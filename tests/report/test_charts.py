import math
import re

import pytest

from regard.report.charts import Axis, Bar, Series, interval_chart, line_chart, round_step


@pytest.mark.parametrize(
    ("least", "step"), [(0.7, 1), (1.0, 1), (1.1, 2), (2.1, 5), (7, 10), (0.03, 0.05), (1200, 2000), (0.2, 0.2)]
)
def test_round_steps(least: float, step: float) -> None:
    assert round_step(float(least)) == pytest.approx(step)


@pytest.mark.parametrize(
    ("values", "ticks"), [([0.0, 6000.0], [0, 2000, 4000, 6000]), ([1.1, 1.9], [1, 1.2, 1.4, 1.6, 1.8, 2])]
)
def test_ticks_hold_all_values(values: list[float], ticks: list[float]) -> None:
    assert Axis.over(values, 0.0, 100.0).ticks == pytest.approx(ticks)


@pytest.mark.parametrize("value", [0.0, 5.0, -3.0, 1e-9])
def test_a_single_value_has_an_axis(value: float) -> None:
    axis = Axis.over([value], 0.0, 100.0)
    assert 0.0 <= axis.place(value) <= 100.0
    assert len(axis.ticks) >= 2


def test_places_by_hand() -> None:
    axis = Axis.over([0.0, 10.0], 200.0, 0.0)
    assert [axis.place(value) for value in (0.0, 2.5, 10.0)] == [200.0, 150.0, 0.0]


def test_a_tick_has_the_digits_that_it_needs() -> None:
    axis = Axis.over([1.1, 1.9], 0.0, 1.0)
    assert [axis.words(tick) for tick in axis.ticks] == ["1.0", "1.2", "1.4", "1.6", "1.8", "2.0"]
    assert Axis.over([0.0, 6000.0], 0.0, 1.0).words(2000.0) == "2,000"


def test_what_is_no_number_is_left_out() -> None:
    chart = line_chart("Loss", [Series("loss", [(1.0, math.inf), (2.0, math.nan), (3.0, 2.0), (4.0, 1.0)])])
    assert "nan" not in chart
    assert "inf" not in chart
    assert 'aria-label="Loss, by step: loss from 2.00 at 3 to 1.00 at 4."' in chart


def test_nothing_to_draw() -> None:
    assert line_chart("Loss", [Series("loss", [(1.0, math.nan)])]) == ""


def test_many_points_are_thinned_and_the_last_stays() -> None:
    points = [(float(i), float(i)) for i in range(10_001)]
    chart = line_chart("Loss", [Series("loss", points)])
    (places,) = re.findall(r'points="([^"]*)"', chart)
    assert 200 <= len(places.split()) <= 242
    (last,) = re.findall(r'points="[^"]* ([^" ]*)"', line_chart("Loss", [Series("loss", [points[0], points[-1]])]))
    assert places.split()[-1] == last


def test_an_interval_reaches_as_far_as_it_says() -> None:
    chart = interval_chart("BLEU", [Bar("1–5", 30.0, (20.0, 40.0)), Bar("6", 30.0, None)])
    (low, high), single = re.findall(r'class="reach".*?y1="([\d.]+)" y2="([\d.]+)"', chart)
    assert float(low) > float(high)
    assert single[0] == single[1] == f"{(float(low) + float(high)) / 2:.1f}"
