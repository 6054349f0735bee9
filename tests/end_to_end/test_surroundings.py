"""What is odd about a machine changes nothing but the speed: other processors, other runtimes, nowhere to write."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch.testing import assert_close

from regard.native.library import PATH, SETS, native
from regard.training.progress import read_journal
from tests.end_to_end.test_kills import command, weights

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


def alike(one: Path, other: Path) -> None:
    """Compare all weights and losses."""
    for name in ("last", "best"):
        wanted, found = (load_file(run / name / "model.safetensors") for run in (one, other))
        for key, tensor in wanted.items():
            assert_close(found[key], tensor, rtol=1e-2, atol=1e-3)
    losses = [
        [event["loss"] for event in read_journal(run / "metrics.jsonl") if event["event"] == "validation"]
        for run in (one, other)
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


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
