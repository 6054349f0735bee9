"""The public names of the package: all there, and none brings torch before it is used."""

import subprocess
import sys

import pytest

import regard


@pytest.mark.parametrize("name", regard.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(regard, name) is not None
    assert name in dir(regard)


def test_public_names_are_unique() -> None:
    assert len(set(regard.__all__)) == len(regard.__all__)


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match="trian"):
        regard.trian  # noqa: B018


def test_importing_regard_brings_no_torch() -> None:
    code = "import sys, regard; sys.exit(any(name in sys.modules for name in ('torch', 'numpy')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
