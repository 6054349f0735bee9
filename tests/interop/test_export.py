"""Model folders written as transformers loads them: compared before they are put in place, and read back."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.testing import assert_close

from regard.data.batch import Batch
from regard.decoding.types import BeamConfig, DecodingConfig, PowerNormalisation
from regard.interop.huggingface.export import export
from regard.interop.huggingface.import_model import import_model
from regard.layers.configs import (
    GELUConfig,
    SeparateConfig,
    SiLUConfig,
    TwoWayConfig,
)
from regard.model_folder import ModelFolder, ModelSettings, save_model_folder
from regard.models.base import build_model
from regard.models.configs import TransformerConfig
from regard.text.configs import BpeConfig, UnigramConfig
from regard.text.sides import Sides, TextConfig
from tests.interop.hub_models import SOURCES, TARGETS

pytestmark = pytest.mark.extra

MODEL = TransformerConfig(encoder_layers=2, decoder_layers=2, d_model=16, heads=4, d_ff=24, dropout=0.0)
DECODING = BeamConfig(beams=3, length=PowerNormalisation(alpha=0.8), max_length=12)
PIECES = UnigramConfig(vocabulary=360)


def saved(
    path: Path,
    model: TransformerConfig = MODEL,
    *,
    pieces: UnigramConfig = PIECES,
    decoding: DecodingConfig = DECODING,
    shared: bool = True,
) -> ModelFolder:
    """Write a model that cuts texts into pieces; its weights are large, so that outputs differ and end."""
    text = TextConfig(source=pieces, target=pieces, shared=shared, longest_source=60)
    sides = Sides.learn(text, SOURCES, TARGETS)
    torch.manual_seed(3)
    built = build_model(model, len(sides.source.vocabulary), len(sides.target.vocabulary))
    weights = {name: tensor + 0.3 * torch.randn_like(tensor) for name, tensor in built.state_dict().items()}
    save_model_folder(path, ModelSettings(model=model, text=text, decoding=decoding), sides, weights)
    return ModelFolder.open(path)


SEPARATE = {"model": replace(MODEL, embeddings=SeparateConfig(), feed_forward=SiLUConfig()), "shared": False}
VARIANTS: dict[str, dict[str, Any]] = {
    "paper": {},
    "odd size": {"model": replace(MODEL, d_model=15, heads=3)},
    "two-way": {"model": replace(MODEL, embeddings=TwoWayConfig(), feed_forward=GELUConfig()), "shared": False},
    "separate": SEPARATE,
    "one vocabulary twice": {"model": replace(MODEL, embeddings=TwoWayConfig())},
    "no biases": {"model": replace(MODEL, biases=False)},
    "shared keys": {"model": replace(MODEL, key_value_heads=2)},
    "bpe": {"pieces": BpeConfig(vocabulary=360)},
    "no bytes": {"pieces": UnigramConfig(vocabulary=90, byte_fallback=False)},
    "gnmt, limits": {"decoding": BeamConfig(min_length=3, no_repeat=2, max_length=9)},
}
TEXTS = [*SOURCES[:3], "  a  tower ", "Über 東京? 42!"]


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS.keys())
def test_transformers_gives_the_same_and_it_can_be_read_back(tmp_path: Path, variant: dict[str, Any]) -> None:
    folder = saved(tmp_path / "model", **variant)
    report = export(folder, tmp_path / "hub", TEXTS)
    assert report.sentences == report.same_greedy == len(TEXTS)
    assert report.largest_difference < 1e-4
    assert report.same_beam >= 1
    assert ("gnmt" in " ".join(report.notes)) == (folder.settings.decoding.length.kind == "gnmt")
    import_model(tmp_path / "hub", tmp_path / "back")
    check_same_logits(folder, ModelFolder.open(tmp_path / "back"))


@torch.no_grad()
def check_same_logits(one: ModelFolder, other: ModelFolder) -> None:
    """Compare what two models say of the same texts, each in its own tokens."""
    logits = []
    for folder in (one, other):
        batch = Batch.of(folder.sides.source.all_ids(TEXTS), folder.sides.target.all_ids(TARGETS[:5]))
        logits.append(folder.load_model()(batch))
    assert one.sides.target.vocabulary.entries == other.sides.target.vocabulary.entries
    assert_close(*logits, rtol=1e-4, atol=1e-4)
