"""Two processes train what one trains, to rounding; and go on with what one began."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch.testing import assert_close

from regard.training.progress import read_journal
from tests.end_to_end.test_kills import SETTINGS

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not torch.distributed.is_available(), reason="this torch trains in one process alone"),
]


def train(out: Path, processes: int, *more: str) -> subprocess.CompletedProcess[str]:
    """Train in `out`, or go on there, in one process or more."""
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    changed = [word for setting in (*SETTINGS, *more) for word in ("--set", setting)]
    command = [sys.executable, *(torchrun if processes > 1 else []), "-m", "regard", "train", "--out", str(out)]
    return subprocess.run([*command, "--resume", *changed], capture_output=True, text=True, check=False, timeout=180)


def alike(one: Path, other: Path) -> None:
    """Compare all weights and scores."""
    for name in ("last", "best", "averaged"):
        found, wanted = (load_file(run / name / "model.safetensors") for run in (other, one))
        for key, tensor in wanted.items():
            assert_close(found[key], tensor, rtol=1e-3, atol=1e-4)
    losses = [
        [event["loss"] for event in read_journal(run / "metrics.jsonl") if event["event"] in ("step", "validation")]
        for run in (one, other)
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


@pytest.mark.parametrize("objective", ["cross-entropy", "r-drop"])
def test_two_processes_and_one(tmp_path: Path, objective: str) -> None:
    more = f"training.objective.kind={objective}"
    alone = train(tmp_path / "one", 1, more)
    assert alone.returncode == 0, alone.stderr
    together = train(tmp_path / "two", 2, more)
    assert together.returncode == 0, together.stderr
    assert together.stderr.count("regard translate") == 1, "one process speaks"
    alike(tmp_path / "one", tmp_path / "two")


def test_two_go_on_with_what_one_began(tmp_path: Path) -> None:
    for steps in ("20", "40"):
        assert train(tmp_path / "both", 2 if steps == "40" else 1, f"training.steps={steps}").returncode == 0
    assert json.loads((tmp_path / "both" / "status.json").read_text())["step"] == 40


def test_two_processes_by_the_clock(tmp_path: Path) -> None:
    done = train(tmp_path / "run", 2, "training.budget=20")
    assert done.returncode == 0, done.stderr
    status = json.loads((tmp_path / "run" / "status.json").read_text())
    assert status["state"] == "finished"
    assert status["step"] == status["steps"]


def test_what_one_process_finds_wrong_ends_all(tmp_path: Path) -> None:
    done = train(tmp_path / "run", 2, "model.d_model=17")
    assert done.returncode != 0
    assert "model" in done.stderr
    assert not (tmp_path / "run").exists()
