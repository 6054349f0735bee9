"""A training that is asked to stop saves, says how to go on, and ends with 130."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.end_to_end.test_kills import command


def started(out: Path, *more: str, stderr: int = subprocess.PIPE) -> subprocess.Popen[str]:
    """Start a training that would take long, and wait until it has saved something."""
    endless = ["--set", "training.steps=1000000", *more]
    process = subprocess.Popen([*command(out), *endless], stderr=stderr, text=True)
    deadline = time.monotonic() + 60
    while not (out / "last").exists():
        assert process.poll() is None, "it ended by itself"
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return process


def state(out: Path) -> str:
    """Return the state that the run folder tells of."""
    found: str = json.loads((out / "status.json").read_text())["state"]
    return found


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_says_how_to_go_on(tmp_path: Path, number: signal.Signals) -> None:
    out = tmp_path / "run"
    process = started(out)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert f"go on with: regard train --resume --out {out}" in said
    assert state(out) == "interrupted"


@pytest.mark.slow
def test_ctrl_c_saves_though_the_reader_of_its_words_has_gone(tmp_path: Path) -> None:
    """As with `regard train ... 2>&1 | tee log`, where Ctrl-C ends tee first."""
    out, (reading, writing) = tmp_path / "run", os.pipe()
    process = started(out, stderr=writing)
    os.close(reading)
    os.close(writing)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    assert state(out) == "interrupted"
