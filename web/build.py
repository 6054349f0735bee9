"""Build the page of regard into the package, for `make page` and the build hook: standard library and npm, no more.

python web/build.py
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

WEB = Path(__file__).parent
PAGE = WEB.parent / "src" / "regard" / "page" / "index.html"

NODE = "Node 20.19 or newer"

SOURCES = ("src/**/*", "package.json", "package-lock.json", "vite.config.ts", "svelte.config.js", "tsconfig.json")


class BuildError(Exception):
    """The page cannot be built; reads as what to do."""


def is_built(page: Path = PAGE) -> bool:
    """Tell whether the page is there and no source of it is newer."""
    return page.is_file() and all(file.stat().st_mtime <= page.stat().st_mtime for file in sources())


def sources() -> Iterator[Path]:
    """Yield the files that the page is made of."""
    for pattern in SOURCES:
        yield from (file for file in WEB.glob(pattern) if file.is_file())


def build() -> Path:
    """Build the page with npm and return where it is.

    Raises BuildError if there is no npm, or if it fails.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise BuildError(f"the page of regard is built with npm, and there is none: install {NODE}")
    for step in (["ci"], ["run", "build"]):
        done = subprocess.run([npm, *step], cwd=WEB, capture_output=True, text=True, check=False)
        if done.returncode:
            last = "\n".join((done.stdout + done.stderr).strip().splitlines()[-8:])
            raise BuildError(f"the page of regard could not be built (npm {' '.join(step)}, {NODE}):\n{last}")
    return PAGE


def for_package(*, editable: bool) -> str:
    """Build the page for a package if it must be; return a warning if it is left out.

    An editable install does without; so does one with REGARD_PAGE=off. Raises BuildError where a package would lack it.
    """
    if is_built() or editable:
        return ""
    if os.environ.get("REGARD_PAGE") == "off":
        return "regard is packed without its page, as REGARD_PAGE is off"
    try:
        build()
    except BuildError as error:
        hint = "pip install -e . and REGARD_PAGE=off do without the page"
        raise BuildError(f"{error} ({hint})") from None
    return ""


if __name__ == "__main__":
    try:
        print(build())
    except BuildError as error:
        sys.exit(str(error))
