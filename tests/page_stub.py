"""A page that is not built stands in for the built one, where only its data is tested."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from regard.errors import MissingExtraError
from regard.inspection import page_file

STUB = f"<!doctype html>\n<body>{page_file.PLACE}<script></script>{page_file.LATER}</body>\n"


def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_file, "built_page", lambda: STUB)


def stand_in_where_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        page_file.built_page()
    except MissingExtraError:
        stand_in(monkeypatch)


def data_of(page: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the values and the packed bytes that a page holds."""
    text = page.read_text(encoding="utf-8")
    found = re.search(r'<script type="application/json" id="values">(.*?)</script>', text, re.DOTALL)
    assert found
    return json.loads(found[1]), dict(re.findall(r'octet-stream" id="([^"]+)">([^<]*)</script>', text))
