"""HTML made of plain values: whatever is not markup already is escaped on its way in."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape

NOTHING: Mapping[str, object] = {}
ROW: Mapping[str, object] = {"scope": "row"}
COLUMN: Mapping[str, object] = {"scope": "col"}


class Markup(str):
    """HTML that is ready; any other string is text."""

    __slots__ = ()


def tag(name: str, *inside: str, attributes: Mapping[str, object] = NOTHING) -> Markup:
    """Return an element around texts and markup; `name` may bring a class along, such as "td.number"."""
    name, _, kind = name.partition(".")
    given = {"class": kind} if kind else {}
    written = "".join(f' {key}="{escape(str(value))}"' for key, value in (given | dict(attributes)).items())
    return Markup(f"<{name}{written}>{joined(inside)}</{name}>")


def joined(parts: Iterable[str], between: str = "") -> Markup:
    """Return texts and markup one after the other."""
    return Markup(between.join(part if isinstance(part, Markup) else escape(part) for part in parts))


def user_text(text: str, name: str = "span") -> Markup:
    """Return a text of unknown language in an element that finds out which way it is read."""
    return tag(name, text, attributes={"dir": "auto"})


def table(caption: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Markup:
    """Return a table that scrolls by itself where it is too wide; the first cell of a row is its head.

    Columns of numbers stand on the right.
    """
    body = list(rows)
    kinds = [".number" if any(map(_is_number, cells)) else "" for cells in zip(*body, strict=True)]
    titles = (tag(f"th{kind}", head, attributes=COLUMN) for kind, head in zip(kinds, heads, strict=False))
    content = (
        tag("caption", caption),
        tag("thead", tag("tr", *titles)),
        tag("tbody", *(_row(cells, kinds) for cells in body)),
    )
    return scrolling(tag("table", *content), caption)


def _row(cells: Sequence[str], kinds: Sequence[str]) -> Markup:
    head, *others = (
        tag(f"{'td' if i else 'th'}{kind}", cell, attributes=NOTHING if i else ROW)
        for i, (kind, cell) in enumerate(zip(kinds, cells, strict=True))
    )
    return tag("tr", head, *others)


def _is_number(text: str) -> bool:
    return not isinstance(text, Markup) and text[:1] in {*"-−.0123456789"}


def scrolling(content: Markup, label: str) -> Markup:
    """Return what may be wider than the page in a box that can be scrolled, by keyboard too."""
    return tag("div.wide", content, attributes={"tabindex": 0, "role": "region", "aria-label": label})


def folded(title: str, *inside: str) -> Markup:
    """Return what is shown only when asked for."""
    return tag("details", tag("summary", title), *inside)


def section(identity: str, title: str, *inside: str) -> Markup:
    """Return a part of the page under a heading of its own."""
    heading = tag("h2", title, attributes={"id": f"{identity}-title"})
    return tag("section", heading, *inside, attributes={"id": identity, "aria-labelledby": f"{identity}-title"})
