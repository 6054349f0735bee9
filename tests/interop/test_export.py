"""Model folders written as transformers loads them: compared before they are put in place, and read back."""

import json
import random
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.testing import assert_close

from regard.cli.main import main
from regard.data.batch import Batch
from regard.decoding.types import BeamConfig, DecodingConfig, PowerNormalisation
from regard.errors import DataError, MissingExtraError, UnsupportedError
from regard.interop.huggingface import marian
from regard.interop.huggingface.architecture import Target
from regard.interop.huggingface.export import export
from regard.interop.huggingface.import_model import import_model
from regard.layers.configs import (
    GELUConfig,
    LayerNormConfig,
    LearnedConfig,
    PreNormConfig,
    RMSNormConfig,
    RotaryConfig,
    SeparateConfig,
    SiLUConfig,
    SourceCopyingConfig,
    SourceNgramsConfig,
    SwiGLUConfig,
    TwoWayConfig,
)
from regard.model_folder import ModelFolder, ModelSettings, save_model_folder
from regard.models.base import build_model
from regard.models.configs import TransformerConfig
from regard.text.configs import BpeConfig, UnigramConfig
from regard.text.sides import Sides, TextConfig
from tests.interop.hub_models import SOURCES, TARGETS, save_marian
from tests.tiny_model import RECURRENT, save_tiny_model

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


@pytest.mark.slow
@pytest.mark.parametrize("name", ["paper", "two-way"])
def test_a_thousand_sentences_have_the_same_tokens(name: str, tmp_path: Path) -> None:
    """In a process of its own, where no shapes are checked."""
    saved(tmp_path / "model", **VARIANTS[name])
    draw, words = random.Random(1), sorted({word for text in SOURCES for word in text.split()})
    texts = {" ".join(draw.choices(words, k=draw.randint(1, 8))) for _ in range(1200)}
    (tmp_path / "texts").write_text("\n".join(sorted(texts)[:1000]), encoding="utf-8")
    code = (
        "import sys; from pathlib import Path; from regard.interop.huggingface.export import export; "
        "from regard.model_folder import ModelFolder; place = Path(sys.argv[1]); "
        "texts = (place / 'texts').read_text(encoding='utf-8').split('\\n'); "
        "report = export(ModelFolder.open(place / 'model'), place / 'hub', texts); "
        "print(report.sentences, report.same_greedy)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1000", "1000"]


@torch.no_grad()
def check_same_logits(one: ModelFolder, other: ModelFolder) -> None:
    """Compare what two models say of the same texts, each in its own tokens."""
    logits = []
    for folder in (one, other):
        batch = Batch.of(folder.sides.source.all_ids(TEXTS), folder.sides.target.all_ids(TARGETS[:5]))
        logits.append(folder.load_model()(batch))
    assert one.sides.target.vocabulary.entries == other.sides.target.vocabulary.entries
    assert_close(*logits, rtol=1e-4, atol=1e-4)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "positions": ({"positions": RotaryConfig()}, "model.positions = rotary"),
    "learned": ({"positions": LearnedConfig()}, "model.positions = learned"),
    "pre-norm": ({"residual": PreNormConfig()}, "model.residual = pre-norm"),
    "rms": ({"norm": RMSNormConfig()}, "model.norm = rms"),
    "epsilon": ({"norm": LayerNormConfig(epsilon=1e-6)}, "model.norm.epsilon = 1e-06"),
    "gated": ({"feed_forward": SwiGLUConfig()}, "model.feed_forward = swiglu"),
    "n-grams": ({"ngrams": SourceNgramsConfig(longest=2, rows=9)}, "model.ngrams = source"),
    "copying": ({"copying": SourceCopyingConfig()}, "model.copying = source"),
    "norm on embeddings": ({"embedding_norm": True}, "model.embedding_norm = true"),
}


@pytest.mark.parametrize(("parts", "named"), REFUSED.values(), ids=REFUSED.keys())
def test_what_has_no_counterpart_is_named_before_anything_is_written(
    tmp_path: Path, parts: dict[str, Any], named: str
) -> None:
    folder = saved(tmp_path / "model", replace(MODEL, **parts))
    with pytest.raises(UnsupportedError, match=re.escape(named)):
        export(folder, tmp_path / "hub", TEXTS)
    assert [file.name for file in tmp_path.iterdir()] == ["model"]


def test_other_families_and_tokenizers_are_named(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match=r"text\.source = characters, text\.target = spaced"):
        export(save_tiny_model(tmp_path / "letters"), tmp_path / "hub", TEXTS)
    with pytest.raises(UnsupportedError, match="recurrent"):
        export(save_tiny_model(tmp_path / "recurrent", RECURRENT), tmp_path / "hub", TEXTS)


def test_without_transformers_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = saved(tmp_path / "model")
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingExtraError, match="pip install transformers"):
        export(folder, tmp_path / "hub", TEXTS)
    assert not (tmp_path / "hub").exists()


def test_a_result_that_is_another_model_is_not_put_in_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = saved(tmp_path / "model")

    def wrong(folder: ModelFolder, model: TransformerConfig) -> dict[str, torch.Tensor]:
        return {n: t * 1.1 if n.endswith("1.fc1.weight") else t for n, t in marian.weights(folder, model).items()}

    monkeypatch.setattr("regard.interop.huggingface.export.TARGETS", (replace_weights(marian.MARIAN, wrong),))
    with pytest.raises(UnsupportedError, match="the result is not the model"):
        export(folder, tmp_path / "hub", TEXTS)
    assert [file.name for file in tmp_path.iterdir()] == ["model"]


def replace_weights(target: Target, weights: Any) -> Target:
    return target._replace(weights=weights)


def test_an_imported_model_goes_back_as_it_came(tmp_path: Path) -> None:
    save_marian(tmp_path / "hub", codes=(">>fra<<",))
    import_model(tmp_path / "hub", tmp_path / "model")
    folder = ModelFolder.open(tmp_path / "model")
    report = export(folder, tmp_path / "again", [*SOURCES[:2], ">>fra<< The river."])
    assert report.sentences == report.same_greedy == 3
    import_model(tmp_path / "again", tmp_path / "back")
    check_same_logits(folder, ModelFolder.open(tmp_path / "back"))


def test_nothing_to_compare_on(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no sample is short and plain enough"):
        export(saved(tmp_path / "model"), tmp_path / "hub", ["tower " * 50, "a </s> b", "▁"])
    assert not (tmp_path / "hub").exists()


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    saved(tmp_path / "model")
    words = ["export", str(tmp_path / "model"), str(tmp_path / "hub"), "--to", "huggingface"]
    assert main([*words, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["architecture"] == "MarianMTModel"
    assert report["sentences"] == report["same_greedy"] == 20
    assert {"config.json", "model.safetensors", "source.spm"} <= set(report["files"])
    assert main(words) == 2
    assert "exists already" in capsys.readouterr().err
    (tmp_path / "lines").write_text("A tower\n\nThe map\n", encoding="utf-8")
    words[2] = str(tmp_path / "second")
    assert main([*words, "--samples", str(tmp_path / "lines")]) == 0
    assert re.search(r"sentences +2\n", capsys.readouterr().out)
    assert main([*words[:3], "--to", "hugingface"]) == 2
    assert "did you mean huggingface?" in capsys.readouterr().err
