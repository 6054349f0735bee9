"""A model folder with one vocabulary for both sides and one table for everything."""

from dataclasses import replace
from pathlib import Path

import torch

from regard.layers.configs import SourceCopyingConfig, ThreeWayConfig
from regard.model_folder import ModelFolder, ModelSettings, save_model_folder
from regard.models.base import build_model
from regard.models.configs import TransformerConfig
from regard.text.configs import SpacedConfig
from regard.text.sides import Sides, TextConfig
from tests.tiny_model import TRANSFORMER

SHARED = replace(TRANSFORMER, embeddings=ThreeWayConfig())
COPYING = {
    "copying": replace(SHARED, copying=SourceCopyingConfig()),
    "copying without biases": replace(SHARED, copying=SourceCopyingConfig(), biases=False),
}


def save_shared_model(path: Path, config: TransformerConfig = SHARED) -> ModelFolder:
    """Write and open a folder whose weights are random and large."""
    text = TextConfig(source=SpacedConfig(), target=SpacedConfig(), shared=True)
    sides = Sides.learn(text, ["ab c d e"], ["f g h"])
    size = len(sides.source.vocabulary)
    weights = {name: torch.randn(t.shape) * 0.5 for name, t in build_model(config, size, size).state_dict().items()}
    save_model_folder(path, ModelSettings(model=config, text=text), sides, weights)
    return ModelFolder.open(path)
