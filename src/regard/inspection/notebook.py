"""A map as a table for a notebook's cell: shades for those who look, numbers for those who point or read."""

from html import escape

from regard.inspection.maps import AttentionMap

MOST_CELLS = 4_000
"""A larger map is named instead of drawn."""

ABOVE, BELOW = "0, 114, 96", "176, 58, 30"
"""Red, green and blue of numbers above and below 0."""


def html_table(found: AttentionMap) -> str:
    """Return a table that needs nothing from outside itself."""
    words = f"<p>{escape(found.title)}. <strong>{escape(found.not_this)}</strong> In {escape(found.unit)}.</p>"
    if found.weights.size > MOST_CELLS:
        return f"{words}<p>{found.weights.shape[0]} by {found.weights.shape[1]} are too many to be drawn here.</p>"
    style = "writing-mode:vertical-rl;text-align:right;font-weight:normal"
    head = "".join(f'<th scope="col" style="{style}">{escape(column)}</th>' for column in found.columns)
    rows = (
        f'<tr><th scope="row" style="text-align:right;font-weight:normal" dir="auto">{escape(row)}</th>'
        + "".join(_cell(weight, found.scale) for weight in weights)
        + "</tr>"
        for row, weights in zip(found.rows, found.weights.tolist(), strict=True)
    )
    return f"{words}<table><thead><tr><td></td>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _cell(weight: float, scale: float) -> str:
    colour = BELOW if weight < 0 else ABOVE
    strength = min(abs(weight) / scale, 1.0)
    ink = "#fff" if strength > 0.55 else "inherit"
    shown = f"{weight:.2f}" if strength >= 0.05 else ""
    return f'<td style="background:rgba({colour},{strength:.2f});color:{ink}" title="{weight:.4f}">{shown}</td>'
