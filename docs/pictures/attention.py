"""Draw the picture of the README: where a trained model read while it wrote.

python docs/pictures/attention.py runs/quickstart "Thursday, April 22, 2032 at 3:12 PM" > docs/pictures/attention.svg
"""

import sys
from html import escape

from regard.inference.translator import Translator
from regard.inspection.maps import WHAT_IT_IS_NOT, AttentionMap
from regard.inspection.measures import sharpest_map
from regard.inspection.trace import trace_text

CELL, LETTER, EDGE = 26, 8.0, 16
"""Sizes in pixels: a cell, a letter of the labels, the margin."""

SEEN = 0.02
"""Weights below it are left white."""

STYLE = "text{font:13px ui-monospace,Menlo,Consolas,monospace;fill:#24292f}.small{font-size:12px;fill:#57606a}"


def svg(found: AttentionMap) -> str:
    """Return a map as an SVG file: a row for every target token, a column for every source token."""
    rows, columns = map(shown, found.rows), map(shown, found.columns)
    left = EDGE + LETTER * max(map(len, found.rows)) + 10
    top = EDGE + LETTER * max(map(len, found.columns)) + 10
    notes = [f"{found.title}.", WHAT_IT_IS_NOT]
    width = max(left + CELL * len(found.columns), EDGE + 7.3 * max(map(len, notes))) + EDGE
    height = top + CELL * len(found.rows) + 24 * len(notes) + EDGE
    panel = f'width="{CELL * len(found.columns)}" height="{CELL * len(found.rows)}" rx="4" fill="#f3f6f5"'
    parts = [
        f'<rect width="{width:.0f}" height="{height:.0f}" rx="8" fill="#fff"/>',
        f'<rect x="{left - 1:.0f}" y="{top - 1:.0f}" {panel}/>',
    ]
    for column, token in enumerate(columns):
        x = left + CELL * (column + 0.5) + 4
        parts.append(f'<text transform="translate({x:.0f},{top - 8:.0f}) rotate(-90)">{escape(token)}</text>')
    for row, (token, weights) in enumerate(zip(rows, found.weights.tolist(), strict=True)):
        y = top + CELL * row
        parts.append(f'<text x="{left - 8:.0f}" y="{y + 17:.0f}" text-anchor="end">{escape(token)}</text>')
        for column, weight in enumerate(weights):
            if weight < SEEN:
                continue
            place = f'x="{left + CELL * column:.0f}" y="{y:.0f}" width="{CELL - 2}" height="{CELL - 2}"'
            parts.append(f'<rect {place} rx="3" fill="#00785a" fill-opacity="{weight:.2f}"/>')
    for number, note in enumerate(notes):
        y = top + CELL * len(found.rows) + 24 * (number + 1)
        parts.append(f'<text class="small" x="{EDGE}" y="{y:.0f}">{escape(note)}</text>')
    size = f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size}>\n<style>{STYLE}</style>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def shown(token: str) -> str:
    """Return a piece without its mark for a space, unless that is all there is."""
    return token.removeprefix("▁") or "␣"


if __name__ == "__main__":
    run, text = sys.argv[1:]
    sys.stdout.write(svg(sharpest_map(trace_text(Translator.load(run), text))))
