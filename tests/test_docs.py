"""What README and docs name is there: links, symbols, files, commands, options and settings."""

import ast
import re
import tomllib
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from regard.cli.main import COMMANDS
from regard.cli.parser import Parser
from regard.experiment import ExperimentConfig, presets
from tests.pages import (
    ALL_PAGES,
    FILE,
    LINK,
    PAGES,
    ROOT,
    SOURCE,
    SYMBOL,
    Command,
    anchors,
    blocks,
    code_spans,
    commands,
    prose,
)
from tests.test_architecture import MAY_IMPORT, MODULES


def each(pages: dict[str, Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("page", pages.values(), ids=pages.keys())


# What is named exists.


@each(ALL_PAGES)
def test_links_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(prose(page)):
        path, _, anchor = link.partition("#")
        if "://" in path:
            continue
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def defined(body: list[ast.stmt]) -> dict[str, list[ast.stmt]]:
    """Return the names that statements define, each with the statements inside it."""
    names: dict[str, list[ast.stmt]] = {}
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            names[node.name] = node.body
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {ast.unparse(target): [] for target in targets}
    return names


@each(ALL_PAGES)
def test_symbols_exist(page: Path) -> None:
    for path, symbol in SYMBOL.findall(prose(page)):
        file = next((root / path for root in (SOURCE, ROOT) if (root / path).is_file()), None)
        assert file, f"no file {path}"
        body = ast.parse(file.read_text(encoding="utf-8")).body
        for name in symbol.split("."):
            names = defined(body)
            assert name in names, f"no {symbol} in {path}"
            body = names[name]


@each(PAGES)
def test_files_exist(page: Path) -> None:
    missing = {path for path in FILE.findall(prose(page)) if not any((r / path).is_file() for r in (SOURCE, ROOT))}
    assert not missing - {"configs.py", "__init__.py"}  # those of any package


def test_the_paper_map_is_about_the_paper() -> None:
    text = PAGES["docs/paper.md"].read_text(encoding="utf-8")
    for place in ("equation 1", "equation 2", "equation 3", "3.1", "3.2.1", "3.2.2", "3.2.3", "3.3", "3.4", "3.5"):
        assert place in text
    assert all(f"| {section} |" in text for section in ("5.1", "5.2", "5.3", "5.4", "6.1", "6.2", "6.3"))


def test_the_tree_is_the_tree() -> None:
    tree = next(block for block in blocks(PAGES["docs/architecture.md"]) if block.kind == "text").text
    drawn = [line.split()[0] for line in tree.splitlines() if line and line.split()[0].endswith(".py")]
    files = [file.relative_to(SOURCE).as_posix() for file in SOURCE.rglob("*.py") if file.name != "__init__.py"]
    assert sorted(drawn) == sorted(files)


def test_the_table_of_imports_is_the_law() -> None:
    rows = re.findall(r"^\| `([\w.]+)` \| (.*) \|$", prose(PAGES["docs/architecture.md"]), re.MULTILINE)
    assert {row: set(re.findall(r"`([\w.]+)`", cells)) for row, cells in rows} == MAY_IMPORT


SHARED_SCRIPTS = {"bench.py", "peers.py", "processes.py", "steps.py", "translators.py"}
"""What other benchmarks import."""


def test_every_benchmark_has_its_row() -> None:
    scripts = {file.name for file in (ROOT / "benchmarks").glob("*.py")} - SHARED_SCRIPTS
    text = PAGES["docs/benchmarks.md"].read_text(encoding="utf-8")
    assert all(f"| `benchmarks/{script}` |" in text for script in scripts)


@each(PAGES)
def test_no_figure_is_missing(page: Path) -> None:
    assert "FIGURE-" not in page.read_text(encoding="utf-8"), "put the measured figure there"


# What is to be typed is understood.


def parser_of(name: str) -> Parser:
    parser = Parser(f"regard {name}", "")
    import_module(COMMANDS[name].module).add_arguments(parser)
    return parser


@each(PAGES)
def test_commands_are_understood(page: Path) -> None:
    for command in commands(page):
        if command.program == "regard":
            name, *rest = command.arguments
            assert name in COMMANDS, command.line
            parser_of(name).read(rest)
        elif command.program == "make":
            targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
            assert {*command.arguments} <= {*targets, "test", "test-all"}, command.line
        elif command.program == "pip":
            check_installation(command)
        else:
            assert command.program == "python", command.line
            assert (ROOT / command.arguments[0]).is_file(), command.line


def check_installation(command: Command) -> None:
    install, *wanted = command.arguments
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    known = {"."}
    known |= {f".[{extra}]" for extra in project["optional-dependencies"]}
    assert install == "install", command.line
    assert set(wanted) <= known, command.line


@each(PAGES)
def test_options_in_the_text_exist(page: Path) -> None:
    known = {option for name in COMMANDS for option in parser_of(name)._option_string_actions}
    for script in (ROOT / "benchmarks").glob("*.py"):
        known |= set(re.findall(r'\.add_argument\("(--[a-z-]+)"', script.read_text(encoding="utf-8")))
    named = {word for span in code_spans(page) for word in span.split() if word.startswith("--")}
    assert named <= known


def settings(cls: Any, path: str = "") -> Iterator[str]:
    """Yield the path of every setting, whichever variants are chosen."""
    for field in fields(cls):
        here = f"{path}{field.name}"
        yield here
        variants = field.metadata["registry"].values() if "registry" in field.metadata else [field.type]
        for variant in filter(is_dataclass, variants):
            yield from settings(variant, f"{here}.")


@each(PAGES)
def test_settings_in_the_text_exist(page: Path) -> None:
    known = set(settings(ExperimentConfig))
    named = {word.partition("=")[0] for span in code_spans(page) for word in span.split()}
    named = {word for word in named if re.fullmatch(r"(task|text|model|training|decoding)\.[a-z_.]+", word)}
    assert named <= {*known, *MODULES, "model.safetensors"}


def test_the_guide_names_every_preset() -> None:
    text = PAGES["docs/guides/train.md"].read_text(encoding="utf-8")
    lessons = {"letters", "letters-recurrent", "phrasebook"}
    assert {name for name in presets() if f"`{name}`" not in text} <= lessons
