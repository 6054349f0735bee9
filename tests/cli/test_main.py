"""The shell around the commands: which one runs, what an error looks like, what the exit code is."""

import argparse
import errno
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from regard import __version__
from regard.cli.main import COMMANDS, Command, main
from regard.errors import DataError, ResourceError

PROBE = """
import os, signal, sys, time

def add_arguments(parser):
    parser.add_argument("what")
    parser.add_argument("--steps", type=int, default=1)

def run(args):
    if args.what == "talk":
        for line in range(100_000):
            print(line)
    if args.what == "wait":
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background starts deaf to it
        print("ready", flush=True)
        time.sleep(30)
    if args.what == "surrogates":
        print("lone \\ud800, from a file name \\udcff, fine: ä")
        print("lone \\ud800", file=sys.stderr)
    return args.steps - 1
"""


@pytest.fixture
def probe(tmp_path: Path) -> list[str]:
    """Return the start of a command line that runs regard in a process of its own, with a command named probe."""
    (tmp_path / "probe.py").write_text(PROBE, encoding="utf-8")
    start = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from regard.cli.main import *"
    return [sys.executable, "-c", f"{start}; COMMANDS['probe'] = Command('probe', 'probe'); entry()"]


@pytest.fixture
def closed_pipe() -> Iterator[int]:
    """Yield a pipe to write to that nobody reads."""
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


class Raises(ModuleType):
    """A command that raises what it is given."""

    def __init__(self, error: BaseException) -> None:
        super().__init__("raises")
        self.error = error

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--steps", type=int)

    def run(self, args: argparse.Namespace) -> int:
        raise self.error


def fail(monkeypatch: pytest.MonkeyPatch, error: BaseException, *arguments: str) -> int:
    """Run a command that raises `error` and return the exit code."""
    monkeypatch.setitem(sys.modules, "raises", Raises(error))
    monkeypatch.setitem(COMMANDS, "raises", Command("raises", "raise"))
    return main(["raises", *arguments])


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    """Return what stands on stderr, which is one line."""
    out, err = capsys.readouterr()
    assert not out
    assert err.count("\n") == 1
    return err.rstrip("\n")


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    assert all(f"  {name}" in out and command.summary in out for name, command in COMMANDS.items())


def test_help_is_quick() -> None:
    def seconds() -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    times = []
    for _ in range(3):
        before = seconds()
        subprocess.run([sys.executable, "-m", "regard", "--help"], check=True, capture_output=True)
        times.append(seconds() - before)
    assert min(times) < 0.2


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--help"]) == 0
    assert capsys.readouterr().out.startswith(f"usage: regard {name}")


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"regard {__version__}\n"


def test_no_command_is_a_mistake_that_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "usage: regard" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["tarin"], "regard: tarin: unknown command (did you mean train?)"),
        (["xyzzy"], "regard: xyzzy: unknown command (see regard --help)"),
        (["--verison"], "regard: --verison: unknown option (did you mean --version?)"),
        (["doctor", "--jsno"], "regard: --jsno: unknown option (did you mean --json?)"),
        (["doctor", "now"], "regard: now: one argument too many (see regard doctor --help)"),
        (["tar\nin"], r"regard: tar\nin: unknown command (did you mean train?)"),
        (["\x1b[31m"], r"regard: \x1b[31m: unknown command (see regard --help)"),
        (["\udcff"], r"regard: \udcff: unknown command (see regard --help)"),
    ],
)
def test_a_mistake_on_the_command_line(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert one_line(capsys) == words


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (DataError("3 columns", where="a.tsv:4", hint="two are needed"), 2, "a.tsv:4: 3 columns (two are needed)"),
        (ResourceError("cannot be written", where="run"), 1, "run: cannot be written"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (MemoryError(), 1, "out of memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), 1, "out of memory"),
        (OSError(errno.ENOSPC, "No space left on device", "out.txt"), 1, "out.txt: cannot be written: No space left"),
        (PermissionError(errno.EACCES, "Permission denied", "in.txt"), 2, "in.txt: Permission denied"),
    ],
)
def test_errors_are_one_line(
    error: BaseException, code: int, words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fail(monkeypatch, error) == code
    assert one_line(capsys).startswith(f"regard: {words}")


def test_a_mistake_of_our_own_keeps_its_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert fail(monkeypatch, KeyError("haeds")) == 1
    line = one_line(capsys)
    assert line.startswith("regard: KeyError: 'haeds' (a mistake in regard, not yours; please report it with ")
    (kept,) = tmp_path.glob("regard-*.txt")
    assert str(kept) in line
    assert "Traceback" in kept.read_text(encoding="utf-8")


@pytest.mark.parametrize("error", [KeyError("haeds"), DataError("empty")])
def test_debug_shows_the_traceback(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fail(monkeypatch, error, "--steps", "3", "--debug") == (1 if isinstance(error, KeyError) else 2)
    err = capsys.readouterr().err
    assert err.startswith("Traceback")
    assert err.splitlines()[-1].startswith("regard: ")


def test_the_code_of_the_command_is_the_code_of_the_process(probe: list[str]) -> None:
    assert subprocess.run([*probe, "probe", "--steps", "4", "x"], check=False).returncode == 3


def test_a_reader_who_has_had_enough(probe: list[str]) -> None:
    with subprocess.Popen([*probe, "probe", "talk"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline() == b"0\n"
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


@pytest.mark.parametrize("arguments", [["--help"], ["probe", "talk"], ["probe", "surrogates"]])
def test_a_pipe_that_was_closed_before_the_first_word(arguments: list[str], probe: list[str], closed_pipe: int) -> None:
    done = subprocess.run([*probe, *arguments], stdout=closed_pipe, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 0
    assert b"Exception" not in done.stderr
    assert b"Traceback" not in done.stderr


def test_an_error_that_nobody_reads(probe: list[str], closed_pipe: int) -> None:
    assert subprocess.run([*probe, "tarin"], stderr=closed_pipe, check=False).returncode == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_behind_stdout(probe: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run([*probe, "probe", "talk"], stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1
    assert done.stderr == b"regard: output: cannot be written: No space left on device (free some space)\n"


def test_ctrl_c(probe: list[str]) -> None:
    with subprocess.Popen([*probe, "probe", "wait"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGINT)
        assert process.stderr.read() == b"regard: interrupted\n"
    assert process.returncode == 130


def test_output_is_utf8_whatever_the_locale_and_the_text(probe: list[str]) -> None:
    plain = os.environ | {"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = subprocess.run([*probe, "probe", "surrogates"], capture_output=True, env=plain, check=True)
    assert done.stdout.decode("utf-8") == "lone \\ud800, from a file name \\udcff, fine: ä\n"
    assert done.stderr.decode("utf-8") == "lone \\ud800\n"
