"""A training killed with SIGKILL at any moment, or by a full disk, goes on and ends with the same bits."""

import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SETTINGS = [
    "task.kind=reverse", "task.train=80", "task.valid=12", "task.test=4", "task.symbols=6", "task.longest=8",
    "text.source={kind='unigram', vocabulary=280, sampling=0.3}",
    "text.target={kind='unigram', vocabulary=280, sampling=0.3}",
    "model.kind=transformer", "model.encoder_layers=1", "model.decoder_layers=1",
    "model.d_model=16", "model.heads=2", "model.d_ff=32",
    "model.dropout=0.2", "model.attention_dropout=0.1",
    "training.batch_tokens=64", "training.optimizer={kind='muon'}", "training.schedule={kind='linear', warmup=3}",
    "training.validate_every=7", "training.save_every=3", "training.average=3",
    "training.precision=float32", "training.threads=1", "training.steps=40", "decoding.kind=greedy",
]  # fmt: skip
RESULT = ("last", "best", "averaged")


def command(out: Path, *more: str) -> list[str]:
    """Return the command that trains in `out`, or goes on there."""
    settings = [word for setting in SETTINGS for word in ("--set", setting)]
    return [sys.executable, "-m", "regard", "train", "--out", str(out), "--resume", "--quiet", *settings, *more]


def train(out: Path) -> None:
    """Train to the end."""
    done = subprocess.run(command(out), capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr


def weights(out: Path) -> dict[str, bytes]:
    """Return the bytes of the final weights."""
    return {name: (out / name / "model.safetensors").read_bytes() for name in RESULT}


def kill_after(out: Path, seconds: float, *more: str) -> bool:
    """Train for so long, then kill; return whether there was something left to kill."""
    process = subprocess.Popen(command(out, *more), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        return True
    return False


def kill_when(out: Path, path: Path) -> bool:
    """Train until a file appears, or is another than before, then kill; return whether that was so."""
    before = changed(path)
    process = subprocess.Popen(command(out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None:
        if changed(path) not in (None, before):
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            return True
        time.sleep(0.0002)
    return False


def changed(path: Path) -> float | None:
    """Return when a file was last changed, or None if there is none."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return None


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, bytes], float]:
    """Train once without being disturbed; return the weights and the seconds it took."""
    out = tmp_path_factory.mktemp("whole") / "run"
    started = time.monotonic()
    train(out)
    return weights(out), time.monotonic() - started


@pytest.mark.slow
@pytest.mark.parametrize("series", range(5))
def test_fifty_kills_change_nothing(tmp_path: Path, whole: tuple[dict[str, bytes], float], series: int) -> None:
    out, generator, kills = tmp_path / "run", random.Random(series), 0
    expected, seconds = whole
    while kills < 10:
        if kill_after(out, generator.uniform(0.2, 1.1) * seconds):
            kills += 1
        else:
            assert weights(out) == expected
            shutil.rmtree(out)
    train(out)
    assert weights(out) == expected


@pytest.mark.slow
def test_kills_change_nothing_with_two_threads(tmp_path: Path) -> None:
    outs = tmp_path / "whole", tmp_path / "run"
    more = ["--set", "training.threads=2", "--set", "model.d_model=64"]
    subprocess.run(command(outs[0], *more), check=True, timeout=120)
    for seconds in (3.0, 4.0, 5.0):
        kill_after(outs[1], seconds, *more)
    subprocess.run(command(outs[1], *more), check=True, timeout=120)
    assert weights(outs[0]) == weights(outs[1])


@pytest.mark.slow
@pytest.mark.parametrize(
    "moment",
    ["choices.json", "snapshots", ".last.new", ".best.new", ".averaged.new", "last/resume/state.json"],
)
def test_a_kill_in_the_middle_of_a_save_changes_nothing(
    tmp_path: Path, whole: tuple[dict[str, bytes], float], moment: str
) -> None:
    out, kills = tmp_path / "run", 0
    for _ in range(3):
        kills += kill_when(out, out / moment)
    assert kills, "the moment was never met"
    train(out)
    assert weights(out) == whole[0]


@pytest.mark.slow
@pytest.mark.parametrize("limit", [1_000, 10_000, 20_000])
def test_a_full_disk_ends_with_one_line_and_resumes(
    tmp_path: Path, whole: tuple[dict[str, bytes], float], limit: int
) -> None:
    out = tmp_path / "run"

    def small_disk() -> None:  # no file may grow beyond the limit, as if the disk were full
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    failed = subprocess.run(
        command(out), capture_output=True, text=True, check=False, timeout=120, preexec_fn=small_disk
    )
    said = [line for line in failed.stderr.splitlines() if not line.startswith("warning")]
    assert failed.returncode == 1, failed.stderr
    assert len(said) == 1, said
    assert "cannot be written" in said[0]
    assert "free some space" in said[0]
    train(out)
    assert weights(out) == whole[0]
