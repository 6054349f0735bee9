"""Maps as figures for print: SVG, PDF or PNG, by matplotlib, with text kept as text.

Fonts for scripts that the usual one lacks are sought among those of the system.
"""

import io
import unicodedata
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from regard.errors import import_extra
from regard.files import write_bytes
from regard.inspection.maps import AttentionMap

FORMATS = ("svg", "pdf", "png")

CELL = 0.22  # inches
BOXES = "Last Resort High-Efficiency"
"""A font that comes with matplotlib and shows a box for every letter."""

MOST_LABELS = 80
"""Tokens along a side above which labels would overlap and are left out."""


def write_figure(path: Path, maps: Sequence[AttentionMap], columns: int = 1) -> list[str]:
    """Draw maps into one file, in rows of so many; return a sentence for each script that no font here can show.

    Raises MissingExtraError without matplotlib.
    """
    matplotlib: Any = import_extra("matplotlib", "look")
    figures: Any = import_extra("matplotlib.figure", "look")
    fonts, missing = fonts_for("".join(text for found in maps for text in (*found.rows, *found.columns, found.title)))
    as_text = {"svg.fonttype": "none", "pdf.fonttype": 42, "svg.hashsalt": "regard"}
    settings = {**as_text, "font.family": fonts, "font.size": 8}
    with matplotlib.rc_context(settings), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # said in words by `missing`
        figure = _drawn(figures, maps, columns)
        kind, buffer = path.suffix[1:].lower(), io.BytesIO()
        stamps = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}  # the same map, the same bytes
        figure.savefig(buffer, format=kind, dpi=200, bbox_inches="tight", metadata=stamps[kind])
    write_bytes(path, buffer.getvalue())
    return missing


def _drawn(figures: Any, maps: Sequence[AttentionMap], columns: int) -> Any:
    columns = min(columns, len(maps))
    rows = -(-len(maps) // columns)
    widest, highest = (max(len(getattr(found, side)) for found in maps) for side in ("columns", "rows"))
    size = CELL if len(maps) == 1 else CELL / 2
    width, height = (max(1.6, min(size * count, 12.0)) + 0.9 for count in (widest, highest))
    figure = figures.Figure(figsize=(columns * width, rows * height + 0.6), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).flatten()
    for place, found in zip(axes, maps, strict=False):
        _draw(place, found, labels=len(maps) == 1 or max(widest, highest) <= 24, title=len(maps) > 1)
    for place in axes[len(maps) :]:
        place.axis("off")
    first = maps[0]
    heading = f"{first.title}\n{first.not_this}" if len(maps) == 1 else first.not_this
    figure.suptitle(heading, fontsize=8)
    shown = figure.axes[0].images[0]
    figure.colorbar(shown, ax=list(axes), label=first.unit.partition(";")[0], shrink=0.8 if rows == 1 else 0.3)
    return figure


def _draw(place: Any, found: AttentionMap, *, labels: bool, title: bool) -> None:
    scale = found.scale
    low, colours = (-scale, "PuOr") if found.signed else (0.0, "viridis")
    place.imshow(found.weights, vmin=low, vmax=scale, cmap=colours, aspect="equal", interpolation="nearest")
    if title:
        place.set_title(found.title, fontsize=6)
    for axis, texts in ((place.xaxis, found.columns), (place.yaxis, found.rows)):
        shown = labels and len(texts) <= MOST_LABELS
        axis.set_ticks(range(len(texts)) if shown else [])
        if shown:
            rotation = {"rotation": 90} if axis is place.xaxis else {}
            names = [text.replace("$", r"\$") for text in texts]
            axis.set_ticklabels(names, fontsize=4 if title else 7, **rotation)
    place.xaxis.tick_top()


def fonts_for(text: str) -> tuple[list[str], list[str]]:
    """Return families that can show the text together, best first, and a sentence for each script that none can."""
    manager: Any = import_extra("matplotlib.font_manager", "look")
    needed = {c for c in text if c.isprintable() and not c.isspace()}
    families = ["DejaVu Sans"]
    needed -= _shown_by(manager.findfont("DejaVu Sans"), needed)
    for font in sorted(manager.fontManager.ttflist, key=lambda font: (font.style != "normal", font.name, font.fname)):
        if not needed:
            break
        if font.name not in (*families, BOXES) and (shown := _shown_by(font.fname, needed)):
            families.append(font.name)
            needed -= shown
    return families, [
        f"no font here can show {script.title()} ({''.join(sorted(letters)[:5])}): install one, such as Noto Sans"
        for script, letters in sorted(_scripts(needed).items())
    ]


def _shown_by(path: str, needed: Iterable[str]) -> set[str]:
    ft2font: Any = import_extra("matplotlib.ft2font", "look")
    try:
        known = ft2font.FT2Font(path).get_charmap()
    except (OSError, RuntimeError):  # no font that can be read
        return set()
    return {c for c in needed if ord(c) in known}


def _scripts(letters: Iterable[str]) -> dict[str, set[str]]:
    """Group letters by the first word of their names, which says the script."""
    found: dict[str, set[str]] = {}
    for letter in letters:
        found.setdefault(unicodedata.name(letter, "unnamed").partition(" ")[0].lower(), set()).add(letter)
    return found
