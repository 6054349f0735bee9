"""An attention map as text: shaded cells where they fit, else a list of what each token was written from.

What a terminal can show, `colours_of` finds out; drawing is a function of its arguments.
"""

import unicodedata
from collections.abc import Iterator, Mapping
from typing import Literal

from rich.cells import cell_len

from regard.inspection.maps import AttentionMap

Colours = Literal["true", "256", "none"]

SHADES = " .:-=+*#%@"
STEPS = (235, 23, 29, 35, 72, 78, 114, 151, 187, 230)
RAMP = ((24, 28, 38), (0, 114, 96), (60, 190, 130), (250, 245, 190))
"""From weight 0 to weight 1, ever lighter: letters; numbers of 256 colours; red, green and blue."""

STEPS_BELOW = (235, 52, 88, 124, 160, 166, 202, 208, 215, 223)
RAMP_BELOW = ((24, 28, 38), (140, 40, 30), (230, 110, 60), (255, 225, 190))
"""The same from 0 to -1; letters have a minus in front."""

LONGEST_TOKEN = 16  # characters shown
LISTED = 3  # source tokens beside a target token, at most
LEAST = 0.05  # weight of those after the first


def colours_of(environment: Mapping[str, str], *, terminal: bool) -> Colours:
    """Return what can be shown; files, pipes and whoever sets NO_COLOR get plain text."""
    kind = environment.get("TERM", "")
    if not terminal or kind == "dumb" or environment.get("NO_COLOR"):
        return "none"
    if environment.get("COLORTERM") in ("truecolor", "24bit"):
        return "true"
    return "256" if "256color" in kind else "none"


def draw(found: AttentionMap, *, width: int = 80, colours: Colours = "none") -> str:
    """Return a map as lines of at most `width` cells, if its longest token lets it."""
    rows, columns = [_shown(token) for token in found.rows], [_shown(token) for token in found.columns]
    margin = max(map(cell_len, rows))
    fits = margin + 1 + 2 * len(columns) <= width
    lines = _grid(found, rows, columns, colours) if fits else _list(found, rows, columns)
    unit = [f"In {found.unit}."] if found.scale != 1 or found.signed else []
    return "\n".join([f"{found.title}.", found.not_this, *unit, "", *lines])


def _grid(found: AttentionMap, rows: list[str], columns: list[str], colours: Colours) -> Iterator[str]:
    """Yield a line for every target token, under the source tokens, which read downwards."""
    margin, headings = max(map(cell_len, rows)), [_letters(token) for token in columns]
    height = max(map(len, headings))
    upright = [[""] * (height - len(letters)) + letters for letters in headings]
    for level in range(height):
        yield (" " * (margin + 1) + "".join(_padded(letters[level], 2) for letters in upright)).rstrip()
    for row, weights in zip(rows, found.weights.tolist(), strict=True):
        cells = "".join(_cell(weight / found.scale, colours) for weight in weights)
        yield (_padded(row, -margin) + " " + cells).rstrip()
    yield ""
    low = -10 if found.signed else 0
    left, right = f"{-found.scale:.2g}" if low else "0", f"{found.scale:.2g}"
    yield " " * (margin + 1) + " ".join((left, "".join(_cell(step / 10, colours) for step in range(low, 11)), right))


def _list(found: AttentionMap, rows: list[str], columns: list[str]) -> Iterator[str]:
    """Yield a line for every target token, with the source tokens that it looked at most."""
    margin = max(map(cell_len, rows))
    for row, weights in zip(rows, found.weights.tolist(), strict=True):
        first, *others = sorted(range(len(columns)), key=lambda column: -abs(weights[column]))[:LISTED]
        listed = [first, *(column for column in others if abs(weights[column]) >= LEAST * found.scale)]
        yield f"{_padded(row, -margin)} <- " + " ".join(f"{columns[i]} {_decimal(weights[i])}" for i in listed)


def _decimal(weight: float) -> str:
    """Return a weight to two digits, without the zero before the point."""
    return f"{weight:.2f}".replace("0.", ".", 1) if abs(weight) < 1 else f"{weight:.2f}"


def _cell(weight: float, colours: Colours) -> str:
    """Return a shaded place two cells wide, for a number from -1 to 1."""
    size = min(abs(weight), 1.0)
    shade = min(int(size * len(SHADES)), len(SHADES) - 1)
    below = weight < 0 and shade > 0
    if colours == "true":
        red, green, blue = _mixed(size, RAMP_BELOW if below else RAMP)
        return f"\x1b[48;2;{red};{green};{blue}m  \x1b[0m"
    if colours == "256":
        return f"\x1b[48;5;{(STEPS_BELOW if below else STEPS)[shade]}m  \x1b[0m"
    return f"-{SHADES[shade]}" if below else 2 * SHADES[shade]


def _mixed(size: float, ramp: tuple[tuple[int, int, int], ...]) -> tuple[int, ...]:
    """Return the colour that lies so far along a ramp."""
    place = size * (len(ramp) - 1)
    i = min(int(place), len(ramp) - 2)
    return tuple(round(a + (b - a) * (place - i)) for a, b in zip(ramp[i], ramp[i + 1], strict=True))


def _shown(token: str) -> str:
    """Return a token without characters that a terminal would obey, and not too long."""
    text = "".join(c if c.isprintable() else "\N{MIDDLE DOT}" for c in token)
    return text if len(text) <= LONGEST_TOKEN else text[: LONGEST_TOKEN - 1] + "…"


def _letters(token: str) -> list[str]:
    """Return what takes a place of its own: characters with the marks that belong to them."""
    letters: list[str] = []
    for c in token:
        if letters and (unicodedata.combining(c) or cell_len(c) == 0):
            letters[-1] += c
        else:
            letters.append(c)
    return letters


def _padded(text: str, width: int) -> str:
    """Return a text with spaces up to so many cells: behind it, or before it if `width` is negative."""
    spaces = " " * (abs(width) - cell_len(text))
    return text + spaces if width > 0 else spaces + text
