"""What the tests of inspection look into."""

from pathlib import Path

from regard.inference.torch_engine import TorchEngine
from regard.inspection.subject import Subject
from regard.models.configs import ModelConfig
from tests.tiny_model import TRANSFORMER, save_tiny_model

SOURCE, TARGET = list("nobel"), ["HH", "IH", "ER"]


def subject(path: Path, config: ModelConfig = TRANSFORMER) -> Subject:
    return Subject.of(TorchEngine.load([save_tiny_model(path / "model", config)]))
