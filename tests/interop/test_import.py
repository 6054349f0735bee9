"""Models of Hugging Face's read: the same tokens, the same logits."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch.testing import assert_close

from regard.data.batch import Batch
from regard.interop.huggingface.files import HubFolder
from regard.interop.huggingface.import_model import import_model
from regard.interop.huggingface.vocabularies import read_sides
from regard.model_folder import ModelFolder
from regard.text.vocabulary import BOS
from tests.interop.hub_models import SOURCES, TARGETS, save_marian, their_logits

pytestmark = pytest.mark.extra


def imported(hub: Path) -> ModelFolder:
    import_model(hub, hub.parent / "imported")
    return ModelFolder.open(hub.parent / "imported")


@torch.no_grad()
def check_logits(theirs: Any, hub: Path, folder: ModelFolder) -> None:
    """Compare every logit but that of BOS, which is theirs of another token or none at all."""
    rows, sides = read_sides(HubFolder.open(hub))[1], folder.sides
    batch = Batch.of(sides.source.all_ids(SOURCES[:3]), sides.target.all_ids(TARGETS[:3]))
    ours = folder.load_model()(batch)
    expected = their_logits(theirs, folder, (rows.source, rows.target), batch)
    real = batch.target_out != 0
    others = [i for i in range(ours.size(2)) if i != BOS or not rows.start_is_another]
    assert_close(ours[real][:, others], expected[real][:, others], rtol=1e-4, atol=1e-4)
    if rows.start_is_another:
        assert float(ours[:, :, BOS].max()) < -1000


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"activation_function": "relu", "scale_embedding": False},
        {"activation_function": "gelu", "d_model": 18},
        {"separate": True},
        {"separate": True, "tie_word_embeddings": False},
    ],
    ids=str,
)
def test_logits_of_marian(tmp_path: Path, settings: dict[str, Any]) -> None:
    theirs = save_marian(tmp_path / "hub", **settings)
    check_logits(theirs, tmp_path / "hub", imported(tmp_path / "hub"))
