"""Packed weights beside a model: made once, mapped afterwards, made again when they are not what they should be."""

import shutil
from pathlib import Path

import pytest

from regard.decoding.types import BeamConfig
from regard.errors import CheckpointError
from regard.inference import packed
from regard.inference.native_engine import NativeEngine
from regard.model_folder import ModelFolder
from tests.tiny_model import SOURCES, save_tiny_model

PAIRS = [(list(source), ["AA", "B"]) for source in SOURCES]


@pytest.fixture
def folder(tmp_path: Path) -> ModelFolder:
    return save_tiny_model(tmp_path / "model")


def scores(folder: ModelFolder) -> list[tuple[float, ...]]:
    return list(NativeEngine.load([folder], precision="int8").score(PAIRS))


def test_the_second_time_no_weight_is_packed(folder: ModelFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    first = scores(folder)
    (beside,) = folder.path.glob("packed*")
    monkeypatch.setattr(packed, "save_packed", None)
    monkeypatch.setattr(ModelFolder, "check_weights", None)
    assert scores(folder) == first
    assert list(folder.path.glob("packed*")) == [beside]
    assert ModelFolder.open(folder.path).path == folder.path


@pytest.mark.parametrize("where", [0, 40, 300, -1])
def test_a_damaged_file_is_made_again(folder: ModelFolder, where: int) -> None:
    first = scores(folder)
    (beside,) = folder.path.glob("packed*")
    whole = beside.read_bytes()
    content = bytearray(whole)
    content[where] ^= 1
    beside.write_bytes(content)
    assert scores(folder) == first
    assert beside.read_bytes() == whole


@pytest.mark.parametrize("size", [0, 100, 256, 1000])
def test_a_file_that_is_cut_short_is_made_again(folder: ModelFolder, size: int) -> None:
    first = scores(folder)
    (beside,) = folder.path.glob("packed*")
    beside.write_bytes(beside.read_bytes()[:size])
    assert scores(folder) == first


def test_the_file_of_another_model_is_not_used(folder: ModelFolder, tmp_path: Path) -> None:
    other = save_tiny_model(tmp_path / "other", seed=2)
    expected = scores(other)
    scores(folder)
    (beside,) = folder.path.glob("packed*")
    shutil.copy(beside, other.path / beside.name)
    assert scores(other) == expected


def test_damaged_weights_are_named_before_they_are_packed(folder: ModelFolder) -> None:
    weights = folder.path / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"model\.safetensors: is damaged: its checksum differs"):
        scores(folder)
    assert not list(folder.path.glob("packed*"))


def test_a_place_that_cannot_be_written_is_no_obstacle(folder: ModelFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    from regard.inference import packed_file

    def refuse(path: Path, content: bytes) -> None:
        raise OSError(30, "Read-only file system", str(path))

    monkeypatch.setattr(packed_file, "write_bytes", refuse)
    assert scores(folder) == scores(folder)
    assert not list(folder.path.glob("packed*"))
    (found,) = NativeEngine.load([folder], precision="int8").translate([list("abc")], BeamConfig())
    assert found
