"""Models exported to ONNX: the same tokens under the same search, or refused by name."""

import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from regard.data.batch import Batch
from regard.errors import CheckpointError, UnsupportedError
from regard.inference.onnx_engine import OnnxEngine
from regard.interop.onnx.export import export
from regard.interop.onnx.graphs import RealRotaryPositions, traceable
from regard.interop.onnx.runtime import OnnxModel
from regard.layers.attention import observed
from regard.layers.configs import (
    AlibiConfig,
    LearnedConfig,
    PreNormConfig,
    RMSNormConfig,
    RotaryConfig,
    ShawConfig,
    SourceCopyingConfig,
    SourceNgramsConfig,
    SwiGLUConfig,
    T5Config,
    ThreeWayConfig,
)
from regard.layers.positions import RotaryPositions
from regard.model_folder import ModelFolder, ModelSettings, save_model_folder
from regard.models.base import build_model
from regard.models.configs import TransformerConfig
from regard.text.configs import CharactersConfig
from regard.text.sides import Sides, TextConfig
from tests.tiny_model import RECURRENT, TRANSFORMER, save_tiny_model
from tests.tolerances import SAME_MATH
from tests.unchecked import unchecked

pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")
pytestmark = pytest.mark.extra

GATED = replace(TRANSFORMER, residual=PreNormConfig(), feed_forward=SwiGLUConfig(), biases=False)
VARIANTS: dict[str, TransformerConfig] = {
    "post-norm": TRANSFORMER,
    "rotary, gated": replace(GATED, positions=RotaryConfig(base=100.0)),
    "learned, grouped": replace(GATED, positions=LearnedConfig(longest=5), heads=4, key_value_heads=2),
    "t5, n-grams": replace(TRANSFORMER, positions=T5Config(buckets=8, distance=12), ngrams=SourceNgramsConfig()),
    "shaw, RMSNorm": replace(TRANSFORMER, positions=ShawConfig(distance=3), norm=RMSNormConfig()),
    "alibi, shallow": replace(TRANSFORMER, positions=AlibiConfig(), decoder_layers=1),
}


def sentences(count: int, longest: int) -> list[str]:
    draw = random.Random(1)
    return ["".join(draw.choices("abcdefghijklmnop", k=draw.randint(1, longest))) for _ in range(count)]


@pytest.mark.slow
@pytest.mark.parametrize("config", VARIANTS.values(), ids=VARIANTS.keys())
def test_outputs_are_those_of_the_model(config: TransformerConfig, tmp_path: Path) -> None:
    with unchecked():
        report = export(save_tiny_model(tmp_path / "model", config), tmp_path / "out", sentences(30, 12))
    assert report.sentences == report.same_greedy == report.same_beam == 30
    assert report.largest_difference < 1e-3


@pytest.mark.slow
def test_what_copies_from_the_source_does_so_in_graphs(tmp_path: Path) -> None:
    config = replace(TRANSFORMER, embeddings=ThreeWayConfig(), copying=SourceCopyingConfig())
    text = TextConfig(source=CharactersConfig(), target=CharactersConfig())
    sides = Sides.learn(text, sentences(9, 30), [])
    size = len(sides.source.vocabulary)
    save_model_folder(
        tmp_path / "model",
        ModelSettings(model=config, text=text),
        sides,
        {name: torch.randn_like(weight) * 0.5 for name, weight in build_model(config, size, size).state_dict().items()},
    )
    with unchecked():
        report = export(ModelFolder.open(tmp_path / "model"), tmp_path / "out", sentences(20, 12))
    assert report.same_greedy == report.same_beam == 20


@pytest.mark.slow
@pytest.mark.parametrize("name", ["post-norm", "rotary, gated"])
def test_a_thousand_sentences_have_the_same_tokens(name: str, tmp_path: Path) -> None:
    """In a process of its own, where no shapes are checked."""
    save_tiny_model(tmp_path / "model", VARIANTS[name], longest=16)
    code = (
        "import sys; from pathlib import Path; from regard.interop.onnx.export import export; "
        "from regard.model_folder import ModelFolder; place, *texts = sys.argv[1:]; "
        "report = export(ModelFolder.open(Path(place) / 'model'), Path(place) / 'out', texts); "
        "print(report.same_greedy, report.same_beam, report.near_ties)"
    )
    command = [sys.executable, "-c", code, str(tmp_path), *sentences(1000, 16)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    greedy, beam, near_ties = map(int, done.stdout.split())
    print(f"{name}: greedy {greedy}, beam {beam}, near ties {near_ties}")  # noqa: T201 - shown by pytest -s
    assert greedy + beam + near_ties == 2000


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `model` and what it was exported to, `out`."""
    place = tmp_path_factory.mktemp("onnx")
    with unchecked():
        export(save_tiny_model(place / "model", GATED), place / "out")
    return place / "out"


@pytest.mark.slow
def test_logits_are_those_of_the_model_for_any_sizes(out: Path) -> None:
    model, graphs = ModelFolder.open(out.parent / "model").load_model(), OnnxModel(out)
    for sources, targets in (([[4, 5, 6]], [[4, 5]]), ([[4], [5, 6, 7, 8]], [[7, 8, 9], []])):
        batch = Batch.of(sources, targets)
        for row, length in enumerate(batch.target_in.lengths.tolist()):
            ours, theirs = (each(batch)[row, :length].detach() for each in (model, graphs))
            torch.testing.assert_close(theirs, ours, rtol=1e-4, atol=1e-4)  # large weights, another library's sums


@pytest.mark.slow
def test_the_folder_alone_translates_and_a_damaged_one_is_named(out: Path, tmp_path: Path) -> None:
    engine = OnnxEngine.load([ModelFolder.open(out)])
    assert not (out / "model.safetensors").exists()
    assert next(engine.score([(["a"], ["B"])]))
    (tmp_path / "source.onnx").write_bytes(b"no graph")
    with pytest.raises(CheckpointError, match=f"{tmp_path}: cannot be read"):
        OnnxModel(tmp_path)


def test_another_family_is_refused_by_name_and_nothing_is_written(tmp_path: Path) -> None:
    folder = save_tiny_model(tmp_path / "model", RECURRENT)
    with pytest.raises(UnsupportedError, match="onnx: cannot have the family recurrent"):
        export(folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_the_engine_lacks_is_named(tmp_path: Path) -> None:
    folder = save_tiny_model(tmp_path / "model")
    with pytest.raises(UnsupportedError, match="engine 'onnx': precision 'int8': not supported"):
        OnnxEngine.load([folder], precision="int8")
    with pytest.raises(UnsupportedError, match="engine 'onnx': device 'cuda': not supported"):
        OnnxEngine.load([folder], device="cuda")


def test_real_numbers_rotate_as_complex_ones_do() -> None:
    rotary = RotaryPositions(RotaryConfig(base=50.0), 16, 2, causal=True)
    x = torch.randn(2, 2, 5, 8)
    torch.testing.assert_close(RealRotaryPositions(rotary).rotate(x, 3), rotary.rotate(x, 3), **SAME_MATH)


def test_a_model_is_as_it_was_after_tracing(tmp_path: Path) -> None:
    model = save_tiny_model(tmp_path / "model", replace(TRANSFORMER, positions=RotaryConfig())).load_model()
    with traceable(model):
        assert isinstance(model.encoder.positions, RealRotaryPositions)
        assert all(attention.observer for attention in observed(model).values())
    assert isinstance(model.encoder.positions, RotaryPositions)
    assert not any(attention.observer for attention in observed(model).values())
