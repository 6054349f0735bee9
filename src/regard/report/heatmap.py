"""An attention map as a table whose cells are shaded: numbers for those who read, shades for those who look."""

from regard.inspection.maps import WHAT_IT_IS_NOT, AttentionMap
from regard.report.markup import COLUMN, ROW, Markup, scrolling, tag, user_text

MOST_CELLS = 2_000
"""A larger map says nothing on a page."""

LEAST = 5
"""Percent from which on a cell has its number."""


def heatmap(found: AttentionMap) -> Markup:
    """Return a table with a row for every target token and a column for every source token."""
    if found.weights.size > MOST_CELLS:
        size = f"{len(found.rows)} target and {len(found.columns)} source tokens"
        return tag("p", f"{found.title}: {size} are too many to be drawn here.")
    heads = (tag("th", user_text(column), attributes=COLUMN) for column in found.columns)
    rows = (
        tag("tr", tag("th", user_text(row), attributes=ROW), *map(_cell, weights))
        for row, weights in zip(found.rows, found.weights.tolist(), strict=True)
    )
    head = tag("thead", tag("tr", tag("td"), *heads))
    content = tag("table.heat", tag("caption", found.title), head, tag("tbody", *rows))
    words = (f"{found.title}. ", tag("strong", WHAT_IT_IS_NOT), f" In percent, from {LEAST} on.")
    return tag("figure.map", tag("figcaption", *words), scrolling(content, found.title))


def _cell(weight: float) -> Markup:
    percent = round(100 * weight)
    return tag("td", str(percent) if percent >= LEAST else "", attributes={"style": f"--weight:{weight:.2f}"})
