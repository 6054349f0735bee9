"""A system Chromium for the tests of the page; every request but for files is refused and counted."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from regard.errors import MissingExtraError
from regard.inspection.page_file import built_page

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@dataclass
class Window:
    """A page in a browser, what it asked for, and what went wrong in it."""

    page: Any
    asked: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def open(self, file: Path, address: str = "#/heads") -> "Window":
        self.page.goto("about:blank")
        self.page.goto(f"file://{file}{address}")
        self.page.locator("main h2").first.wait_for()
        return self

    def text(self, selector: str) -> str:
        return self.page.locator(selector).first.inner_text()

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def wait_for(self, selector: str) -> None:
        self.page.locator(selector).first.wait_for()

    @property
    def address(self) -> str:
        return str(self.page.evaluate("location.hash"))


@contextmanager
def browser() -> Iterator[Any]:
    """Yield a browser, or skip and say what is missing."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    try:
        built_page()
    except MissingExtraError as error:
        pytest.skip(str(error))
    with playwright.sync_playwright() as driver:
        found = next(filter(None, map(shutil.which, BROWSERS)), driver.chromium.executable_path)
        if not Path(found).exists():
            pytest.skip("there is no Chromium on this machine")
        chromium = driver.chromium.launch(executable_path=found, args=["--no-sandbox"])
        try:
            yield chromium
        finally:
            chromium.close()


@contextmanager
def window(chromium: Any, width: int = 1280, theme: str = "light", *, hover: bool = True) -> Iterator[Window]:
    """Yield a window; at the end nothing may have been asked of a network, and nothing may have gone wrong."""
    context = chromium.new_context(
        viewport={"width": width, "height": 800}, color_scheme=theme, has_touch=not hover, reduced_motion="reduce"
    )
    page = context.new_page()
    page.set_default_timeout(5_000)
    found = Window(page)

    def decide(route: Any) -> None:
        if route.request.url.startswith("file:"):
            route.continue_()
        else:
            found.asked.append(route.request.url)
            route.abort()

    context.route("**/*", decide)
    page.on("pageerror", lambda error: found.problems.append(str(error)))
    page.on("console", lambda message: found.problems.append(message.text) if message.type == "error" else None)
    try:
        yield found
        assert found.asked == []
        assert found.problems == []
    finally:
        context.close()
