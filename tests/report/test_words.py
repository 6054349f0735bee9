import math

import pytest

from regard.report.words import counted, decimal, duration, large, listed, scientific, size, stretch


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (1.2, "1 second"),
        (99.0, "99 seconds"),
        (660.0, "11 minutes"),
        (5_900.0, "98 minutes"),
        (7_200.0, "2 hours"),
        (7_260.0, "2 hours 1 minute"),
    ],
)
def test_times(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(("number", "words"), [(3_140_000, "3.1 M"), (1_200_000_000, "1.2 G"), (9_999, "9,999")])
def test_sizes_of_models(number: int, words: str) -> None:
    assert large(number) == words


@pytest.mark.parametrize(("number", "words"), [(12, "12 bytes"), (10_400_000, "10.4 MB"), (1_500, "1.5 kB")])
def test_sizes_of_files(number: int, words: str) -> None:
    assert size(number) == words


@pytest.mark.parametrize(
    ("number", "words"), [(-1.5, "−1.50"), (1234.5, "1,234.50"), (None, "–"), (math.nan, "–"), (math.inf, "∞")]
)
def test_decimals(number: float | None, words: str) -> None:
    assert decimal(number) == words


@pytest.mark.parametrize(
    ("number", "words"), [(0.005, "5.0e−3"), (2.5, "2.5"), (1e-12, "1.0e−12"), (25_000.0, "2.5e4")]
)
def test_powers_of_ten(number: float, words: str) -> None:
    assert scientific(number) == words


def test_lists_and_stretches() -> None:
    assert [listed(list(letters)) for letters in ("", "a", "ab", "abc")] == ["", "a", "a and b", "a, b and c"]
    assert (stretch(300, 300), stretch(300, 1200)) == ("300", "300–1,200")
    assert (counted(1, "pass", "passes"), counted(2, "pass", "passes"), counted(0, "pair")) == (
        "1 pass",
        "2 passes",
        "0 pairs",
    )
