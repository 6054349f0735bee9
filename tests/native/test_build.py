"""What the build hook does with and without a compiler."""

import ctypes
import platform
from pathlib import Path

import pytest

from regard.native import build, library


def test_without_a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(build, "find_spec", lambda name: None)
    assert build.compiler() == []
    with pytest.raises(build.BuildError, match="no C"):
        build.build()


def test_the_package_that_has_a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(build, "find_spec", lambda name: object())
    assert build.compiler()[1:] == ["-m", "ziglang", "c++", "-mcpu=baseline"]


@pytest.mark.parametrize(("compiler", "problem"), [("false", "failed"), ("no-such-compiler -O1", "cannot be run")])
def test_a_compiler_that_fails(compiler: str, problem: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CXX", compiler)
    with pytest.raises(build.BuildError, match=problem):
        build.build(tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_build(tmp_path: Path) -> None:
    if not build.compiler():
        pytest.skip("there is no C++ compiler")
    built = ctypes.CDLL(str(build.build(tmp_path)))
    assert built.regard_version() == library.VERSION
    assert built.regard_runs(b"portable")
    assert not built.regard_runs(b"avx513")
    if platform.machine() == "x86_64":
        assert set(build.X86) < set(library.SETS)
