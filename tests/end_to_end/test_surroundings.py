"""What is odd about a machine changes nothing but the speed: other processors, other runtimes, nowhere to write."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import torch

from regard.native.library import PATH, SETS, native
from tests.end_to_end.test_kills import command, weights
from tests.end_to_end.test_torchrun import alike

pytestmark = pytest.mark.slow

THREADS = ("--set", "training.threads=2")


def train(out: Path, surroundings: dict[str, str], *more: str) -> str:
    """Train to the end in changed surroundings; return what was said."""
    environment = os.environ | surroundings
    done = subprocess.run(
        command(out, *more), capture_output=True, text=True, check=False, timeout=120, env=environment
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training on this machine as it is."""
    out = tmp_path_factory.mktemp("usual") / "run"
    train(out, {}, *THREADS)
    return out


@pytest.mark.parametrize("instructions", ["off", *SETS])
def test_an_older_processor(tmp_path: Path, usual: Path, instructions: str) -> None:
    """Without the library at all, as where there was no compiler; and with each set of instructions."""
    if instructions in SETS and (not PATH.is_file() or SETS.index(instructions) < SETS.index(native().instructions)):
        pytest.skip(f"this processor has no {instructions}")
    train(tmp_path / "run", {"REGARD_NATIVE": instructions}, *THREADS)
    alike(usual, tmp_path / "run")


def test_two_openmp_runtimes(tmp_path: Path, usual: Path) -> None:
    """One is there before torch brings its own, as other packages do."""
    runtime = next((Path(torch.__file__).parent / "lib").glob("libgomp*"), None)
    if not runtime:
        pytest.skip("this torch brings no libgomp")
    second = shutil.copy(runtime, tmp_path / "libother.so")
    train(tmp_path / "run", {"LD_PRELOAD": str(second)}, *THREADS)
    assert weights(tmp_path / "run") == weights(usual)


def test_nowhere_to_keep_a_cache(tmp_path: Path, usual: Path) -> None:
    nowhere = "/dev/null/nowhere"
    said = train(tmp_path / "run", {"HOME": nowhere, "XDG_CACHE_HOME": nowhere, "XDG_CONFIG_HOME": nowhere}, *THREADS)
    assert all(line.startswith("warning: step") for line in said.splitlines()), "of the training, not of the machine"
    assert weights(tmp_path / "run") == weights(usual)
