"""What the doctor says of a healthy machine, and of one where something is missing."""

import json
import sys

import pytest

from regard.cli import doctor
from regard.cli.main import main


def test_a_healthy_machine(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert {line.split()[0] for line in lines} <= {"ok", "note"}
    assert {line.split()[1] for line in lines} >= {"regard", "python", "processor", "memory", "disk", "torch", "gpu"}


def test_json_holds_the_same_parts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["regard"]["state"] == "ok"
    assert set(doctor.PACKAGES) < found.keys()


def test_an_optional_package_is_missed_in_a_note(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(doctor, "PACKAGES", {"no-such": ("miracles", "magic")})
    assert main(["doctor"]) == 0
    assert "note    no-such        not installed (no miracles; pip install no-such)" in capsys.readouterr().out


def test_a_package_that_regard_cannot_do_without(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(doctor, "PACKAGES", {"no-such": ("anything", "")})
    assert main(["doctor"]) == 1
    assert "missing no-such        not installed (no anything; pip install no-such)" in capsys.readouterr().out


def test_torch_that_cannot_be_imported(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    assert main(["doctor"]) == 1
    assert "missing torch runs     no (" in capsys.readouterr().out


def test_without_native_kernels(native_anew: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    native_anew.setenv("REGARD_NATIVE", "off")
    assert main(["doctor"]) == 0
    expected = "note    native         no kernels (training and translating are slower: REGARD_NATIVE is off)"
    assert expected in capsys.readouterr().out


def test_an_instruction_set_that_does_not_exist(
    native_anew: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    native_anew.setenv("REGARD_NATIVE", "avx513")
    assert main(["doctor"]) == 2
    assert "regard: environment variable REGARD_NATIVE: there is no 'avx513'" in capsys.readouterr().err
