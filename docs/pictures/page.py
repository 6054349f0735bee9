"""Take the pictures of the page that README and docs show: of a model of the quickstart, and of any other.

python docs/pictures/page.py runs/quickstart
python docs/pictures/page.py runs/bible --text "And God said, Let there be light." --views align --name bible

Needs the built page, Playwright and a Chromium. Each picture has at most 256 colours, to stay small.
"""

import argparse
import io
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from regard.cli.main import main as regard

TEXT = "May 9, 2016, May 25, 1987, and June 26, 2040"
OTHER = "May 9, 2016, June 25, 1987, and May 26, 2040"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

PICTURES = {  # name: address, width, height, colour scheme
    "heads": ("#/heads?sel=HEAD&out=HEAD", 1280, 1180, "light"),
    "heads-dark": ("#/heads?sort=importance", 1280, 880, "dark"),
    "head": ("#/head?row=4", 1280, 980, "light"),
    "flow": ("#/flow?t=5", 1280, 860, "light"),
    "align": ("#/align", 1280, 960, "light"),
    "compare": ("#/compare", 1280, 1280, "light"),
    "narrow": ("#/heads", 360, 720, "light"),
}

MOST_HARM = """
() => JSON.parse(document.getElementById("values").textContent).looks[0].effects
  .filter((effect) => effect.way === "zero" && effect.heads.length === 1)
  .sort((a, b) => a.total - b.total)[0].heads[0]
"""
"""The head that the translation can least do without."""


def main() -> None:
    """Make a page, and a picture of each view."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", help="folder of a quickstart run")
    parser.add_argument("--text", default=TEXT)
    parser.add_argument("--compare-with", default=OTHER, help="another text; none with --views")
    parser.add_argument("--views", nargs="+", default=[], choices=list(PICTURES), help="these alone")
    parser.add_argument("--name", default="page", help="what files begin with; default: page")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page.html"
        compared = [] if args.views else ["--compare-with", args.compare_with]
        if code := regard(["look", args.run, args.text, *compared, "-o", str(page)]):
            sys.exit(code)
        take(page, args.out / args.name, args.views or list(PICTURES))


def take(page: Path, out: Path, views: Sequence[str]) -> None:
    """Open a page at the addresses of some views and write what is seen, to OUT-VIEW.png."""
    from PIL import Image
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=next(filter(None, map(shutil.which, BROWSERS))), args=["--no-sandbox"]
        )
        for name in views:
            address, width, height, scheme = PICTURES[name]
            view = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
            view.goto(f"file://{page}")
            view.locator(".readout").first.wait_for()
            view.evaluate("(to) => { location.hash = to; }", address.replace("HEAD", view.evaluate(MOST_HARM)))
            view.wait_for_timeout(400)
            picture = Image.open(io.BytesIO(view.screenshot()))
            file = out.with_name(f"{out.name}-{name}.png")
            picture.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(file, optimize=True)
            print(f"{file}  {file.stat().st_size / 1000:.0f} kB")
            view.close()
        browser.close()


if __name__ == "__main__":
    main()
