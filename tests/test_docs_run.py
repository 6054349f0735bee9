"""What README and docs show runs: every command and every piece of code, page by page, on tiny data."""

import doctest
import os
import random
import runpy
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from regard.cli.main import main
from tests.page_stub import stand_in_where_missing
from tests.pages import PAGES, ROOT, SOURCE, Block, Command, blocks, commands, commands_of

SLOW = {
    "README.md",
    "docs/guides/train.md",
    "docs/guides/translate.md",
    "docs/guides/evaluate.md",
    "docs/guides/export.md",
    "docs/guides/g2p.md",
    "docs/guides/look.md",
}
"""Pages whose commands take over five seconds together."""

TINY = {
    "model.encoder_layers": 1,
    "model.decoder_layers": 1,
    "model.d_model": 16,
    "training.steps": 4,
    "training.batch_tokens": 256,
    "training.validate_every": 2,
    "training.validate_pairs": 4,
    "training.save_every": 4,
    "training.precision": "float32",
    "training.threads": 1,
}
"""What every training on a page is given besides, so that it takes a second."""

TINY_PHRASEBOOK = {"task.train": 200, "task.valid": 10, "task.test": 12}

NOT_TRAINING = ("--resume", "--help")
NESTED = {"training": {"steps": 4, "threads": 1, "precision": "float32"}, "model": {"d_model": 16}}
REPLACED = {  # in Python blocks, for the same reason
    'config={"training": {"steps": 2000}}': f"config={NESTED}",
    'out="runs/python")': f'out="runs/python", config={NESTED})',
}


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder with all files that the pages speak of, and two tiny runs."""
    folder = tmp_path_factory.mktemp("docs")
    draw = random.Random(1)
    phrases = [
        (f"{a} {n} {unit}", f"{b} {n} {einheit}")
        for n in range(2, 40)
        for a, b in (("in", "in"), ("for", "seit"), ("after", "nach"))
        for unit, einheit in (("days", "Tagen"), ("weeks", "Wochen"))
    ]
    draw.shuffle(phrases)
    words = sorted({"".join(draw.choices("abcdefgh", k=draw.randint(3, 7))) for _ in range(160)})
    spoken = [(word, " ".join(letter.upper() for letter in word)) for word in words]
    lists = {"pairs": phrases[:180], "valid": phrases[180:200], "test": phrases[200:]}
    for name, pairs in {**lists, "words": spoken[:140], "words-test": spoken[140:]}.items():
        write_lines(folder / f"{name}.tsv", ["\t".join(pair) for pair in pairs])
    for name, pairs in (("train", lists["pairs"]), ("valid", lists["valid"])):
        write_lines(folder / f"{name}.en", [source for source, _ in pairs])
        write_lines(folder / f"{name}.de", [target for _, target in pairs])
    write_lines(folder / "news.en", ["in 3 days", "", "after 5 weeks"])
    for seed, name in enumerate(("mine", "other"), start=1):
        out = ["--out", str(folder / "runs" / name), "--quiet"]
        assert main(["train", str(folder / "pairs.tsv"), *out, *sets({**TINY, "training.seed": seed})]) == 0
    return folder


def write_lines(path: Path, lines: list[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def sets(values: dict[str, Any]) -> list[str]:
    return [word for key, value in values.items() for word in ("--set", f"{key}={value}")]


def pages_that_run() -> Iterator[Any]:
    for name, page in PAGES.items():
        if any(block.kind in ("sh", "python", "pycon") for block in blocks(page)):
            yield pytest.param(page, id=name, marks=[pytest.mark.slow] if name in SLOW else [])


@pytest.mark.parametrize("page", list(pages_that_run()))
def test_everything_on_a_page_runs(
    page: Path, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if any(command.program == "regard" for command in commands(page)):
        shutil.copytree(request.getfixturevalue("trained"), tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    stand_in_where_missing(monkeypatch)
    names = ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", names)
    for block in blocks(page):
        if block.kind == "toml" and block.path:
            Path(block.path).write_text(block.text, encoding="utf-8")
    for block in blocks(page):
        run_block(block, names, monkeypatch)


def run_block(block: Block, names: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    if block.kind == "sh":
        for command in commands_of(block):
            run_command(command, monkeypatch)
    elif block.kind == "python" and block.path:
        check_quotation(block)
    elif block.kind == "python":
        run_python(block.text, names)
    elif block.kind == "pycon":
        run_session(block.text, names)
    elif block.kind == "toml":
        tomllib.loads(block.text)


def run_command(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a command of ours in this process, with tiny settings; benchmarks only as far as they look for their data."""
    if command.program == "regard":
        arguments = list(command.arguments)
        if arguments[0] in ("train", "quickstart") and not set(NOT_TRAINING) & set(arguments):
            arguments = made_tiny(arguments)
        with standard_input(command.before):
            assert main(arguments) == 0, command.line
    elif command.program == "python":
        script, *arguments = command.arguments
        needs_data = "data_folder" in (ROOT / script).read_text(encoding="utf-8")
        monkeypatch.setattr(sys, "argv", [script, *arguments, *(["--data", "nowhere"] if needs_data else ["--help"])])
        monkeypatch.syspath_prepend(ROOT / "benchmarks")
        with pytest.raises(SystemExit) as end:
            runpy.run_path(str(ROOT / script), run_name="__main__")
        assert not end.value.code, command.line


def made_tiny(arguments: list[str]) -> list[str]:
    """Return the arguments with tiny settings on top; what is to be made anew is taken away first."""
    if "--out" in arguments:
        shutil.rmtree(arguments[arguments.index("--out") + 1], ignore_errors=True)
    if "--budget" in arguments:
        arguments[arguments.index("--budget") + 1] = "1s"
    if "--steps" in arguments:
        arguments[arguments.index("--steps") + 1] = str(TINY["training.steps"])
    phrasebook = TINY_PHRASEBOOK if arguments[0] == "quickstart" else {}
    return [*arguments, *sets({**TINY, **phrasebook})]


@contextmanager
def standard_input(producer: str) -> Iterator[None]:
    """Let what a shell command prints be what is read from standard input."""
    kept = os.dup(0)
    with tempfile.TemporaryFile() as file:
        if producer:
            subprocess.run(["bash", "-c", producer], stdout=file, check=True)
        file.seek(0)
        os.dup2(file.fileno(), 0)
        try:
            yield
        finally:
            os.dup2(kept, 0)
            os.close(kept)


def check_quotation(block: Block) -> None:
    """Check that code which is shown as that of a file stands in it, line for line."""
    quoted = block.text.partition("\n")[2]
    assert quoted in (SOURCE / block.path).read_text(encoding="utf-8"), f"{block.path} reads otherwise"


def run_python(text: str, names: ModuleType) -> None:
    for shown, tiny in REPLACED.items():
        text = text.replace(shown, tiny)
    exec(compile(text, "<docs>", "exec"), names.__dict__)


def run_session(text: str, names: ModuleType) -> None:
    """Type in a session and compare what comes out."""
    examples = doctest.DocTestParser().get_examples(text)
    test = doctest.DocTest(examples, names.__dict__, "session", None, 0, text)
    test.globs = names.__dict__
    outcome: list[str] = []
    doctest.DocTestRunner(verbose=False).run(test, out=outcome.append, clear_globs=False)
    assert not outcome, "".join(outcome)
