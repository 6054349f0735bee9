"""How the library is found, and what happens where it is not."""

from pathlib import Path

import pytest
import torch

from regard.errors import ConfigError
from regard.layers import kernels
from regard.native import build, library


def test_off(native_anew: pytest.MonkeyPatch) -> None:
    native_anew.setenv("REGARD_NATIVE", "off")
    assert library.native().instructions == "none"
    assert torch.equal(kernels.relu_dropout(torch.tensor([-1.0, 2.0]), 0.0), torch.tensor([0.0, 2.0]))


def test_an_unknown_instruction_set(native_anew: pytest.MonkeyPatch) -> None:
    native_anew.setenv("REGARD_NATIVE", "avx513")
    with pytest.raises(ConfigError, match=r"REGARD_NATIVE: there is no 'avx513' .*avx512, avx2, portable"):
        library.native()


def test_a_library_that_was_not_built(native_anew: pytest.MonkeyPatch, tmp_path: Path) -> None:
    native_anew.setattr(library, "PATH", tmp_path / "libregard.so")
    assert "no C++ compiler" in library.native().reason


def test_a_damaged_library(native_anew: pytest.MonkeyPatch, tmp_path: Path) -> None:
    native_anew.setattr(library, "PATH", tmp_path / "libregard.so")
    library.PATH.write_bytes(b"not a library")
    assert "cannot be loaded" in library.native().reason


def test_a_library_of_another_version(native_anew: pytest.MonkeyPatch) -> None:
    if not library.PATH.is_file():
        pytest.skip("the native library is not built")
    native_anew.setattr(library, "VERSION", -1)
    assert "another version" in library.native().reason


def test_where_there_is_a_compiler_there_is_a_library(native_anew: pytest.MonkeyPatch) -> None:
    if not build.compiler():
        pytest.skip("there is no C++ compiler")
    native_anew.delenv("REGARD_NATIVE", raising=False)
    assert library.native().instructions in library.SETS, "else the tests of the kernels would all be left out"
