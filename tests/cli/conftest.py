"""A tiny run and a tiny model that lies in none."""

import pytest

from tests.tiny_model import save_tiny_model
from tests.training.runs import Recorder, tiny_run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> str:
    made, splits = tiny_run(tmp_path_factory.mktemp("look") / "run")
    made.train(splits, Recorder())
    return str(made.path)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_tiny_model(tmp_path_factory.mktemp("model") / "alone").path)
