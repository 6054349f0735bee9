"""The portable kernels on another kind of processor: an ARM emulator finds what this one finds."""

import shutil
import subprocess
from pathlib import Path

import pytest

from regard.native import build

CROSS = "aarch64-linux-gnu-g++"
EMULATOR = "qemu-aarch64"
SOURCES = build.HERE / "src" / "decoder"


def compiled(command: list[str], out: Path) -> Path:
    """The small program, the engine, and the kernels of the portable set."""
    files = [path for path in SOURCES.glob("*.cpp") if path.name != "interface.cpp"]
    flags = [*build.FLAGS, "-DINSTRUCTIONS=portable", f"-I{SOURCES}", "-static"]
    program = Path(__file__).with_name("small_model.cpp")
    subprocess.run([*command, *flags, str(program), *map(str, files), "-o", str(out)], check=True)
    return out


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which(CROSS) or not shutil.which(EMULATOR), reason=f"needs {CROSS} and {EMULATOR}")
def test_an_arm_processor_finds_the_same(tmp_path: Path) -> None:
    here = subprocess.run([compiled(build.compiler(), tmp_path / "here")], capture_output=True, text=True, check=True)
    there = compiled([CROSS], tmp_path / "there")
    arm = subprocess.run([EMULATOR, there], capture_output=True, text=True, check=True)
    ours, theirs = ([line.rsplit(" ", 1) for line in done.stdout.splitlines()] for done in (here, arm))
    assert len(ours) == 54
    assert len({tokens for tokens, _ in ours}) > 20
    for (tokens, score), (same_tokens, same_score) in zip(ours, theirs, strict=True):
        assert tokens == same_tokens
        assert float(score) == pytest.approx(float(same_score), abs=0.011)
