"""A model folder with one vocabulary for both sides and one table for everything."""

from dataclasses import replace
from pathlib import Path

import torch

from regard.layers.configs import ThreeWayConfig
from regard.model_folder import ModelFolder, ModelSettings, save_model_folder
from regard.models.base import build_model
from regard.text.configs import SpacedConfig
from regard.text.sides import Sides, TextConfig
from tests.tiny_model import TRANSFORMER


def save_shared_model(path: Path) -> ModelFolder:
    """Write and open a folder whose weights are random and large."""
    text = TextConfig(source=SpacedConfig(), target=SpacedConfig(), shared=True)
    sides = Sides.learn(text, ["ab c d e"], ["f g h"])
    config = replace(TRANSFORMER, embeddings=ThreeWayConfig())
    size = len(sides.source.vocabulary)
    weights = {name: torch.randn(t.shape) * 0.5 for name, t in build_model(config, size, size).state_dict().items()}
    save_model_folder(path, ModelSettings(model=config, text=text), sides, weights)
    return ModelFolder.open(path)
