"""A page in one file: the built page of `web/`, with data inside."""

import json
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from regard.errors import MissingExtraError
from regard.files import write_text

PLACE = "<!--regard:data-->"
"""Where values go: before the code, which starts on them."""

LATER = "<!--regard:bytes-->"
"""Where packed bytes go: behind the code, which waits for those that it shows."""


def built_page() -> str:
    """Return the built page.

    Raises MissingExtraError if it was not built.
    """
    file = resources.files("regard").joinpath("page", "index.html")
    if not file.is_file():
        problem = "the page is not built"
        raise MissingExtraError(problem, where="page", hint="in a clone of regard, with Node 20.19 or newer: make page")
    return file.read_text(encoding="utf-8")


def write_page(path: Path, values: Mapping[str, Any], packed: Mapping[str, str]) -> None:
    """Write the page with its data inside.

    Raises MissingExtraError if the page is not built, ResourceError if the disk is full.
    """
    write_text(path, filled(built_page(), values, packed))


def filled(page: str, values: Mapping[str, Any], packed: Mapping[str, str]) -> str:
    """Return a built page with data in it; nothing in the data can end the element that it stands in."""
    text = json.dumps(values, ensure_ascii=False, allow_nan=False, separators=(",", ":")).replace("<", r"\u003c")
    start = f'<script type="application/json" id="values">{text}</script>'
    smallest_first = sorted(packed.items(), key=lambda item: len(item[1]))  # what is shown at once is small
    later = "\n".join(
        f'<script type="application/octet-stream" id="{name}">{content}</script>' for name, content in smallest_first
    )
    before, _, behind = page.partition(PLACE)
    code, _, end = behind.partition(LATER)
    return "".join((before, start, code, later, '<script type="text/plain" id="end"></script>', end))
