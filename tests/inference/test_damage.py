"""Damaged model folders: whatever is wrong with them, the native engine says so or works; it never crashes."""

import json
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from regard.errors import RegardError
from regard.files import sha256
from regard.inference.translator import Translator
from tests.inference.shared_model import COPYING, save_shared_model
from tests.tiny_model import save_tiny_model

MORE_MEMORY = 512 * 2**20
"""Bytes that a process may ask for beyond what it had when the model was whole; a model has some 30 kB."""


def damaged(content: bytes, draw: random.Random) -> bytes:
    """Return bytes with one thing wrong."""
    place, size = draw.randrange(len(content) + 1), draw.choice((1, 2, 8, 100))
    part = content[place : place + size]
    made = {
        "cut": b"",
        "flipped": bytes(byte ^ (1 << draw.randrange(8)) for byte in part) + content[place + size :],
        "left out": content[place + size :],
        "doubled": part + content[place:],
        "random": draw.randbytes(size) + content[place + size :],
        "digits": b"9" * size + content[place + size :],
    }
    return content[:place] + made[draw.choice(list(made))]


def try_all(whole: Path, place: Path, seed: int, times: int) -> dict[str, int]:
    """Damage a copy of a model folder again and again, and use it; return how often it worked and how often not.

    After half of the damages the checksums are made to fit, so that what reads the files gets to see them.
    """
    draw, counts = random.Random(seed), {"worked": 0, "refused": 0}
    files = sorted(file.relative_to(whole) for file in whole.rglob("*") if file.is_file())
    shutil.copytree(whole, place)
    for number in range(times):
        name = draw.choice(files)
        (place / name).write_bytes(damaged((whole / name).read_bytes(), draw))
        if number % 2 and name.name != "manifest.json":
            manifest = json.loads((whole / "manifest.json").read_text())
            manifest["files"][name.as_posix()] = sha256(place / name)
            (place / "manifest.json").write_text(json.dumps(manifest))
        try:
            precision = draw.choice(("float32", "bfloat16", "int8"))
            translator = Translator.load(place, engine="native", threads=1, precision=precision)
            translator.translate(["abc", "mnop", "ab c e"], beams=2)
            counts["worked"] += 1
        except RegardError:
            counts["refused"] += 1
        for file in (name, Path("manifest.json")):
            shutil.copy(whole / file, place / file)
    return counts


def damage(tmp_path: Path, seed: int, times: int, *, copies: bool = False) -> dict[str, int]:
    """Run `try_all` in a process of its own, which may crash without taking anyone along."""
    if copies:
        save_shared_model(tmp_path / "model", COPYING["copying"])
    else:
        save_tiny_model(tmp_path / "model")
    command = [sys.executable, "-m", "tests.inference.test_damage", str(tmp_path / "model"), str(seed), str(times)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=3000)
    assert done.returncode == 0, done.stderr[-3000:]
    counts: dict[str, int] = json.loads(done.stdout)
    return counts


@pytest.mark.parametrize(("copies", "times"), [(False, 150), (True, 60)], ids=["plain", "copying"])
def test_damage_is_named_or_does_no_harm(copies: bool, times: int, tmp_path: Path) -> None:
    counts = damage(tmp_path, 1, times, copies=copies)
    assert counts["refused"] > times // 2
    assert counts["worked"] > times // 30


@pytest.mark.slow
@pytest.mark.parametrize(("copies", "times"), [(False, 8_000), (True, 2_000)], ids=["plain", "copying"])
def test_ten_thousand_damages(copies: bool, times: int, tmp_path: Path) -> None:
    counts = damage(tmp_path, 2, times, copies=copies)
    assert sum(counts.values()) == times


def main() -> None:
    """Do the damage and print the counts."""
    import resource

    whole, seed, times = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    Translator.load(whole, engine="native", threads=1).translate(["abc"])
    now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    if "libasan" not in Path("/proc/self/maps").read_text():  # which reserves more than there is
        resource.setrlimit(resource.RLIMIT_AS, (now + MORE_MEMORY, now + MORE_MEMORY))
    print(json.dumps(try_all(whole, whole.with_name("damaged"), seed, times)))  # noqa: T201 - read by the test


if __name__ == "__main__":
    main()
