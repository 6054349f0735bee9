from pathlib import Path

import pytest
import torch

from regard.decoding.types import BeamConfig
from regard.errors import ConfigError, UnsupportedError
from regard.inference import torch_engine
from regard.inference.torch_engine import TorchEngine, alike
from tests.tiny_model import SOURCES, save_tiny_model


def test_batches_are_of_like_length_and_within_the_budget() -> None:
    assert list(alike([3, 9, 2, 3, 8], 12)) == [[1], [4], [0, 3, 2]]


def test_a_text_over_the_budget_comes_alone() -> None:
    assert list(alike([50, 1, 60], 10)) == [[2], [0], [1]]


@pytest.mark.parametrize("tokens", [1, 7, 30, 1000])
def test_every_text_is_in_one_batch(tokens: int) -> None:
    lengths = [5, 1, 9, 9, 2, 30, 1, 4]
    batches = list(alike(lengths, tokens))
    assert sorted(i for batch in batches for i in batch) == list(range(8))
    assert all(len(batch) * max(lengths[i] for i in batch) <= tokens or len(batch) == 1 for batch in batches)


def test_the_budget_changes_nothing_but_the_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = TorchEngine.load([save_tiny_model(tmp_path / "model")])
    sources = [list(source[:length]) for source in SOURCES for length in (1, 4, 8)]
    config = BeamConfig(no_repeat=1)
    together = [found[0].tokens for found in engine.translate(sources, config)]
    monkeypatch.setattr(torch_engine, "SEARCH_TOKENS", 60)
    assert [found[0].tokens for found in engine.translate(sources, config)] == together


def test_threads(tmp_path: Path) -> None:
    folder = save_tiny_model(tmp_path / "model")
    TorchEngine.load([folder], threads=2)
    assert torch.get_num_threads() == 2
    with pytest.raises(ConfigError, match="threads: 0 is below 1"):
        TorchEngine.load([folder], threads=0)


@pytest.mark.parametrize("device", ["gpu", "cuda:99"])
def test_a_device_that_is_not_there(tmp_path: Path, device: str) -> None:
    folder = save_tiny_model(tmp_path / "model")
    with pytest.raises(UnsupportedError, match=f"device '{device}': cannot be used: .* .use device 'cpu'."):
        TorchEngine.load([folder], device=device)


def test_models_of_other_vocabularies_do_not_decode_as_one(tmp_path: Path) -> None:
    first = save_tiny_model(tmp_path / "first")
    other = save_tiny_model(tmp_path / "other", sources=["abc"])
    words = f"{other.path}: its source vocabulary is not that of {first.path}"
    with pytest.raises(UnsupportedError, match=words):
        TorchEngine.load([first, other])


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_finds_the_same(tmp_path: Path) -> None:
    folder = save_tiny_model(tmp_path / "model")
    sources, config = [list(source) for source in SOURCES], BeamConfig(no_repeat=1)
    on_cpu, on_gpu = (list(TorchEngine.load([folder], device=d).translate(sources, config)) for d in ("cpu", "cuda"))
    assert [found[0].tokens for found in on_cpu] == [found[0].tokens for found in on_gpu]
