"""The pages of the documentation as a test sees them: fenced blocks, commands, links, names in backticks."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "regard"

PAGES = {str(page.relative_to(ROOT)): page for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]}
ALL_PAGES = {**PAGES, **{page.name: page for page in ROOT.glob("*.md")}}

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
SYMBOL = re.compile(r"`([\w/]+\.py): ([\w.]+)`")
FILE = re.compile(r"`([\w./-]+\.py)[`:]")
FIRST_LINE_PATH = re.compile(r"# ([\w./-]+\.(?:py|toml))\n")


@dataclass(frozen=True)
class Block:
    """What stands between two fences, and its language."""

    kind: str
    text: str

    @property
    def path(self) -> str:
        """The file that the first line names, in a comment; empty if it names none."""
        named = FIRST_LINE_PATH.match(self.text)
        return named[1] if named else ""


def blocks(page: Path) -> list[Block]:
    return [Block(*found.groups()) for found in FENCE.finditer(page.read_text(encoding="utf-8"))]


def prose(page: Path) -> str:
    """Return the page without its blocks."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def code_spans(page: Path) -> list[str]:
    return CODE.findall(prose(page))


@dataclass(frozen=True)
class Command:
    """A line of a shell block: a program with its arguments, and what is piped into it."""

    program: str
    arguments: tuple[str, ...]
    before: str = ""

    @property
    def line(self) -> str:
        return shlex.join([self.program, *self.arguments])


def commands(page: Path) -> Iterator[Command]:
    """Yield the commands of a page's shell blocks, in order."""
    for block in blocks(page):
        if block.kind == "sh":
            yield from commands_of(block)


def commands_of(block: Block) -> Iterator[Command]:
    for line in block.text.replace("\\\n", " ").splitlines():
        before, _, last = line.rpartition(" | ")
        words = shlex.split(last, comments=True)
        if words:
            yield Command(words[0], tuple(words[1:]), before)


def anchors(page: Path) -> set[str]:
    """Return what links to the headings of a page end in."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
