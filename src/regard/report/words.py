"""Numbers as people say them."""

import math

MINUS = "−"


def count(number: int) -> str:
    """Return a count: "29,000"."""
    return f"{number:,}"


def counted(number: int, one: str, many: str = "") -> str:
    """Return a count and what it counts: "1 pair", "2 pairs"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def stretch(first: int, last: int) -> str:
    """Return numbers from one to another: "300–600", or the one if they are the same."""
    return count(first) if first == last else f"{count(first)}–{count(last)}"


def large(number: int) -> str:
    """Return a size of which the first digits matter: "3.1 M"."""
    for power, letter in ((1e9, "G"), (1e6, "M")):
        if number >= power:
            return f"{number / power:.1f} {letter}"
    return count(number)


def size(number: int) -> str:
    """Return bytes: "12.4 MB"."""
    for power, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if number >= power:
            return f"{number / power:.1f} {unit}"
    return f"{number} bytes"


def duration(seconds: float) -> str:
    """Return a time in the units that matter: "11 minutes"."""
    minutes = round(seconds / 60)
    if seconds < 100:
        return counted(round(seconds), "second")
    if minutes < 100:
        return counted(minutes, "minute")
    hours, minutes = divmod(minutes, 60)
    return f"{counted(hours, 'hour')} {counted(minutes, 'minute')}" if minutes else counted(hours, "hour")


def decimal(number: float | None, digits: int = 2) -> str:
    """Return a number to so many digits after the point; a dash where there is none."""
    if number is None or math.isnan(number):
        return "–"
    if math.isinf(number):
        return "∞"
    return f"{number:,.{digits}f}".replace("-", MINUS)


def scientific(number: float) -> str:
    """Return a small or large number by its power of ten: "5.0e−3"."""
    digits, _, power = f"{number:.1e}".partition("e")
    return digits if int(power) == 0 else f"{digits}e{int(power)}".replace("-", MINUS)


def listed(words: list[str]) -> str:
    """Return "a", "a and b", "a, b and c"."""
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))
