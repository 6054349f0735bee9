"""Model folders for what runs a model: tiny, untrained, and with something to say on every text."""

from pathlib import Path

import torch

from regard.decoding.types import BeamConfig, DecodingConfig
from regard.layers.configs import SeparateConfig
from regard.model_folder import ModelFolder, ModelSettings, save_model_folder
from regard.models.base import build_model
from regard.models.configs import ModelConfig, RecurrentConfig, TransformerConfig
from regard.text.configs import CharactersConfig, SpacedConfig
from regard.text.sides import Sides, TextConfig

TRANSFORMER = TransformerConfig(
    encoder_layers=2, decoder_layers=2, d_model=16, heads=2, d_ff=32, dropout=0.0, embeddings=SeparateConfig()
)
RECURRENT = RecurrentConfig(d_model=16, dropout=0.0, embeddings=SeparateConfig())

SOURCES = ["abcdefgh ijkl.", "mnop qrst uvwxyz", "Dächer! 東京。"]
TARGETS = ["AA AH B CH D DH EH ER F", "G HH IH IY JH K L M N"]


def save_tiny_model(
    path: Path,
    model: ModelConfig = TRANSFORMER,
    *,
    seed: int = 1,
    longest: int = 40,
    decoding: DecodingConfig | None = None,
    sources: list[str] = SOURCES,
) -> ModelFolder:
    """Write and open a model folder that reads characters and writes phonemes; weights depend on the seed.

    Large random weights, and no phoneme twice in an output: so outputs differ, end, and depend on all of the source.
    """
    text = TextConfig(
        source=CharactersConfig(),
        target=SpacedConfig(),
        shared=False,
        longest_source=longest,
    )
    sides = Sides.learn(text, sources, TARGETS)
    sizes = len(sides.source.vocabulary), len(sides.target.vocabulary)
    built = build_model(model, *sizes)
    generator = torch.Generator().manual_seed(seed)
    weights = {name: _drawn(tensor, generator) for name, tensor in built.state_dict().items()}
    settings = ModelSettings(model=model, text=text, decoding=decoding or BeamConfig(no_repeat=1, min_length=4))
    save_model_folder(path, settings, sides, weights)
    return ModelFolder.open(path)


def _drawn(like: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    return torch.randn(like.shape, generator=generator) * 0.5 if like.dim() > 1 else like
