"""How fast the page of a long text is in a browser: a text of 512 tokens read by 6 layers of 8 heads, written in 512.

The model is made on the spot and untrained, with weights so large that heads look at some tokens most. A page of fewer
tokens than 129 has every head silenced in two ways besides.
Needs the built page (`make page`), Playwright (`pip install '.[browser]'`) and a Chromium on the machine.
"""

import argparse
import shutil
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch

from regard import __version__
from regard.decoding.types import GreedyConfig
from regard.inspection.page import Silencing, gather
from regard.inspection.page_file import built_page, write_page
from regard.inspection.subject import Subject
from regard.layers.configs import SeparateConfig
from regard.models.base import build_model
from regard.models.configs import TransformerConfig
from regard.text.configs import SpacedConfig
from regard.text.sides import Sides, TextConfig

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

WATCH = """
window.drawn = new Promise((resolve) => {
  const look = () => {
    const tiles = document.querySelectorAll("canvas.mini");
    if (tiles.length && [...tiles].every((tile) => tile.width !== 300)) resolve(performance.now());
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
});
window.painted = new Promise((resolve) => {
  const watch = (list) => list.getEntriesByName("first-contentful-paint").forEach((entry) => resolve(entry.startTime));
  new PerformanceObserver(watch).observe({ type: "paint", buffered: true });
});
"""
"""Tells when something was painted first, and when every tile has its picture: an untouched canvas is 300 wide."""

OPEN_HEAD = """
() => new Promise((resolve) => {
  const start = performance.now();
  const look = () => {
    const map = document.querySelector(".two .cells canvas");
    if (map && map.width !== 300) resolve(performance.now() - start);
    else requestAnimationFrame(look);
  };
  location.hash = "#/head?sel=encoder.1.1";
  look();
})
"""

HOVER = """
async (moves) => {
  const canvas = document.querySelector(".cells canvas");
  const box = canvas.getBoundingClientRect();
  const times = [];
  for (let i = 0; i < moves; i++) {
    await new Promise(requestAnimationFrame);
    const [x, y] = [box.left + box.width * ((i * 0.377) % 1), box.top + box.height * ((i * 0.618) % 1)];
    const start = performance.now();
    canvas.dispatchEvent(new PointerEvent("pointermove", { clientX: x, clientY: y, bubbles: true }));
    await Promise.resolve();
    document.body.getBoundingClientRect();
    times.push(performance.now() - start);
  }
  return times;
}
"""
"""Moves over the map and times each move: the handler, what it changes, and the layout that follows."""


def main() -> None:
    """Make the page, open it, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, default=512, help="of either side; default: 512")
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--heads", type=int, default=8)
    parser.add_argument("--d-model", type=int, default=128, help="width of the model; default: 128")
    parser.add_argument("--moves", type=int, default=200, help="of the pointer; default: 200")
    parser.add_argument("--runs", type=int, default=3, help="times that the page is opened; default: 3")
    parser.add_argument("--out", help="keep the page there")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        page = Path(args.out or Path(folder) / "page.html")
        write(page, args)
        rows = [opened(page, args.moves) for _ in range(args.runs)]
    print(f"{args.tokens} x {args.tokens} tokens, {args.layers} layers of {args.heads} heads, 3 kinds")
    print("| what | value |\n| --- | --- |")
    for name in rows[0]:
        print(f"| {name} | {statistics.median(row[name] for row in rows):.1f} |")


def write(page: Path, args: argparse.Namespace) -> None:
    """Write the page of a long text."""
    words = [f"w{i}" for i in range(64)]
    text = TextConfig(source=SpacedConfig(), target=SpacedConfig(), shared=False, longest_source=args.tokens)
    sides = Sides.learn(text, [" ".join(words)], [" ".join(words)])
    config = TransformerConfig(
        encoder_layers=args.layers,
        decoder_layers=args.layers,
        d_model=args.d_model,
        heads=args.heads,
        d_ff=64,
        dropout=0.0,
        embeddings=SeparateConfig(),
    )
    torch.manual_seed(1)
    model = build_model(config, len(sides.source.vocabulary), len(sides.target.vocabulary)).eval()
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() > 1:
                weight.mul_(1.7)
    source, target = ([words[(i * step) % 61] for i in range(args.tokens - 1)] for step in (7, 11))
    silencing = Silencing(("zero", "uniform"), GreedyConfig(max_length=args.tokens))
    found = gather(Subject(model, sides), source, target, name="a", silencing=silencing)
    commands = dict.fromkeys(("silence", "corpus", "gold"), "")
    look = {"run": "untrained", "text": " ".join(source), "forced": True, "corpus": None, "no_corpus": None}
    values = {"format": 1, "regard": __version__, "looks": [found.values | look | {"commands": commands}]}
    write_page(page, values | {"training": None, "no_training": None}, found.bytes)


def opened(page: Path, moves: int) -> dict[str, float]:
    """Open the page in a browser and return what was measured."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        sys.exit("playwright is not installed (pip install '.[browser]')")
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        sys.exit("there is no Chromium on this machine")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        view: Any = chromium.new_page(viewport={"width": 1280, "height": 900})
        view.add_init_script(WATCH)
        view.goto(f"file://{page.resolve()}#/heads", wait_until="commit")
        drawn = view.evaluate("window.drawn")
        paint = view.evaluate("window.painted")
        view.wait_for_load_state("load")
        loaded = view.evaluate("performance.now()")
        head = view.evaluate(OPEN_HEAD)
        times = sorted(view.evaluate(HOVER, moves))
        chromium.close()
    return {
        "bundle, kB": len(built_page().encode()) / 1e3,
        "file, MB": page.stat().st_size / 1e6,
        "first paint, ms": paint,
        "all tiles drawn, ms": drawn,
        "whole file read, ms": loaded,
        "a whole head unpacked and drawn, ms": head,
        "hover, median, ms": statistics.median(times),
        "hover, 95 %, ms": times[int(len(times) * 0.95)],
    }


if __name__ == "__main__":
    main()
