import shutil
from pathlib import Path

import pytest

from regard import model_folder
from regard.errors import CheckpointError
from regard.model_folder import ModelFolder
from tests.tiny_model import save_tiny_model


@pytest.mark.parametrize("error", [CheckpointError("is damaged"), FileNotFoundError("config.toml")], ids=str)
def test_a_reader_takes_the_model_that_a_training_puts_in_place_meanwhile(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "best"
    save_tiny_model(place)

    def overtaken(folder: Path, besides: tuple[str, ...] = ()) -> None:
        monkeypatch.undo()
        shutil.copytree(folder, tmp_path / "newer")
        shutil.rmtree(folder)
        (tmp_path / "newer").rename(folder)
        raise error

    monkeypatch.setattr(model_folder, "check_manifest", overtaken)
    assert ModelFolder.open(place).path == place


def test_a_damaged_model_stays_damaged(tmp_path: Path) -> None:
    save_tiny_model(tmp_path / "best")
    (tmp_path / "best" / "config.toml").write_text("")
    with pytest.raises(CheckpointError, match="is damaged"):
        ModelFolder.open(tmp_path / "best")
