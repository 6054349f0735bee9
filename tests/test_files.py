import os
from pathlib import Path

import pytest

from regard.errors import CheckpointError, DataError, ResourceError, writing
from regard.files import new_folder, read_json, settle, standing, write_bytes, write_json


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def fill(folder: Path, text: str) -> None:
    (folder / "file").write_text(text)


def test_a_folder_takes_the_place_of_the_old_one_with_all_it_holds(tmp_path: Path) -> None:
    place = tmp_path / "place"
    for text in ("one", "two"):
        with new_folder(place) as folder:
            fill(folder, text)
    assert (place / "file").read_text() == "two"
    assert names(tmp_path) == ["place"]


def test_a_folder_that_fails_to_fill_leaves_the_old_one(tmp_path: Path) -> None:
    place = tmp_path / "place"
    with new_folder(place) as folder:
        fill(folder, "one")
    with pytest.raises(DataError, match="No such file"), new_folder(place) as folder:
        fill(folder / "missing", "two")
    assert (place / "file").read_text() == "one"
    assert names(tmp_path) == ["place"]


def test_readers_find_a_folder_that_is_being_replaced_and_leave_it_alone(tmp_path: Path) -> None:
    place = tmp_path / "place"
    with new_folder(place) as folder:
        (folder / "file").write_text("old")
    assert standing(place) == place
    place.rename(tmp_path / ".place.old")
    assert (standing(place) / "file").read_text() == "old"
    assert not place.exists()


def test_a_crash_between_the_two_renames_is_settled(tmp_path: Path) -> None:
    place = tmp_path / "place"
    with new_folder(place) as folder:
        fill(folder, "one")
    place.rename(tmp_path / ".place.old")
    (tmp_path / ".place.new").mkdir()
    settle(place)
    assert (place / "file").read_text() == "one"
    with new_folder(place) as folder:
        fill(folder, "two")
    assert (place / "file").read_text() == "two"
    assert names(tmp_path) == ["place"]


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "file"
    write_bytes(file, b"one")

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ResourceError, match=r"file: cannot be written: No space left on device \(free some space"):
        write_bytes(file, b"two")
    assert file.read_bytes() == b"one"
    assert names(tmp_path) == ["file"]


def test_what_cannot_be_written_is_the_user_s_to_mend(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"place: cannot be written: Permission denied"), writing("place"):
        raise PermissionError(13, "Permission denied")


def test_json_comes_back_and_damage_is_named(tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    write_json(file, {"ä": [1, 2.5, None]})
    assert read_json(file) == {"ä": [1, 2.5, None]}
    file.write_text("{")
    with pytest.raises(CheckpointError, match=r"x.json: cannot be read: is not valid JSON"):
        read_json(file)
