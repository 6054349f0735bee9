"""The native engine finds what the torch engine finds, for every variant of the Transformer; or says what it lacks."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from regard.decoding.types import (
    BeamConfig,
    DecodingConfig,
    GreedyConfig,
    Hypothesis,
    NoNormalisation,
    PowerNormalisation,
    SamplingConfig,
)
from regard.errors import CheckpointError, ConfigError, UnsupportedError
from regard.inference.native_engine import NativeEngine
from regard.inference.torch_engine import TorchEngine
from regard.layers.configs import ThreeWayConfig
from regard.model_folder import ModelFolder
from regard.models.configs import TransformerConfig
from regard.native.decoder import SETS, decoding_library, decoding_set
from tests.inference.shared_model import COPYING, SHARED, save_shared_model
from tests.tiny import CONFIGS
from tests.tiny_model import RECURRENT, TRANSFORMER, save_tiny_model

VARIANTS = {
    name: config
    for name, config in CONFIGS.items()
    if isinstance(config, TransformerConfig) and not isinstance(config.embeddings, ThreeWayConfig)
}
SOURCES = [list(text) for text in ("abcdefgh", "mnop qrst", "D", "", "ghij" * 9)]
SEARCHES: list[DecodingConfig] = [
    GreedyConfig(max_length=6),
    BeamConfig(beams=4, n_best=3, max_length=6),
    BeamConfig(beams=3, n_best=3, length=PowerNormalisation(), no_repeat=2, min_length=4, max_length=6),
    BeamConfig(beams=2, n_best=2, length=NoNormalisation(), length_ratio=0.5, length_extra=1),
]
FAR = 1e-3
"""Nats by which a log-probability may differ, of sums of numbers around 100 in another order."""


def rows(found: list[Hypothesis]) -> list[tuple[tuple[str, ...], bool]]:
    return [(h.tokens, h.ended) for h in found]


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_writes_what_torch_writes(name: str, tmp_path: Path) -> None:
    folder = save_tiny_model(tmp_path / "model", VARIANTS[name])
    torch, native = TorchEngine.load([folder]), NativeEngine.load([folder], threads=2)
    for config in SEARCHES:
        for ours, theirs in zip(native.translate(SOURCES, config), torch.translate(SOURCES, config), strict=True):
            assert rows(ours) == rows(theirs)
            for a, b in zip(ours, theirs, strict=True):
                assert a.token_log_probs == pytest.approx(b.token_log_probs, abs=FAR)
                assert a.score == pytest.approx(b.score, abs=FAR)


@pytest.mark.parametrize("config", [SHARED, *COPYING.values()], ids=["tied", *COPYING])
def test_three_ways_tied(config: TransformerConfig, tmp_path: Path) -> None:
    """One table serves the source, the target and the logits; tokens may be copied, unknown ones not."""
    folder = save_shared_model(tmp_path / "model", config)
    sources = [["ab", "c"], ["c"] * 5, ["new", "e", "ab", "newer"], ["new"], []]
    torch, native = TorchEngine.load([folder]), NativeEngine.load([folder])
    for search in (*SEARCHES, SamplingConfig(n_best=3, max_length=6)):
        for ours, theirs in zip(native.translate(sources, search), torch.translate(sources, search), strict=True):
            assert rows(ours) == rows(theirs)
            for a, b in zip(ours, theirs, strict=True):
                assert a.token_log_probs == pytest.approx(b.token_log_probs, abs=FAR)
    targets = [(source, ["c", "ab"]) for source in sources]
    for ours, theirs in zip(native.score(targets), torch.score(targets), strict=True):
        assert ours == pytest.approx(theirs, abs=FAR)


@pytest.mark.parametrize(
    "config",
    [
        SamplingConfig(n_best=3, max_length=6),
        SamplingConfig(top_k=3, max_length=6),
        SamplingConfig(top_p=0.6, n_best=2, seed=2**40 + 7, max_length=6),
        SamplingConfig(top_k=5, top_p=0.7, temperature=2.0, no_repeat=1, max_length=6),
    ],
    ids=["all", "top k", "top p", "both"],
)
def test_samples_are_those_of_torch(config: SamplingConfig, tmp_path: Path) -> None:
    folder = save_tiny_model(tmp_path / "model")
    torch, native = TorchEngine.load([folder]), NativeEngine.load([folder])
    for ours, theirs in zip(native.translate(SOURCES, config), torch.translate(SOURCES, config), strict=True):
        assert rows(ours) == rows(theirs)


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "int8"])
def test_company_changes_nothing_that_is_copied(precision: str, tmp_path: Path) -> None:
    folder = save_shared_model(tmp_path / "model", COPYING["copying"])
    native = NativeEngine.load([folder], threads=2, precision=precision)
    draw = [["ab", "c", "new", "d", "e"][i % 5 : 1 + i % 7] * (1 + i % 4) for i in range(64)]
    for source, together in zip(draw, native.translate(draw, BeamConfig()), strict=True):
        (alone,) = native.translate([source], BeamConfig())
        assert alone == together


@pytest.fixture(params=["float32", "bfloat16", "int8"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> NativeEngine:
    return NativeEngine.load([save_tiny_model(tmp_path / "model")], threads=2, precision=request.param)


@pytest.mark.parametrize("config", SEARCHES[:2], ids=lambda config: config.kind)
def test_company_changes_no_bit(engine: NativeEngine, config: DecodingConfig) -> None:
    draw = [list("abcdefghijklmnop"[i % 5 : 3 + i % 13]) for i in range(64)]
    for source, together in zip(draw, engine.translate(draw, config), strict=True):
        (alone,) = engine.translate([source], config)
        assert alone == together


def test_bytes_are_as_good_as_floats_but_for_their_last_digits(tmp_path: Path) -> None:
    folder = save_tiny_model(tmp_path / "model", replace(TRANSFORMER, d_model=64, d_ff=128))
    pairs = [(source, ["AA", "B", "CH"]) for source in SOURCES]
    exact, halves, rounded = (
        [log_prob for scores in NativeEngine.load([folder], precision=p).score(pairs) for log_prob in scores]
        for p in ("float32", "bfloat16", "int8")
    )
    for found, most, mean in ((halves, 0.6, 0.2), (rounded, 3, 0.7)):
        differences = [abs(a - b) for a, b in zip(exact, found, strict=True)]
        assert 0 < max(differences) < most
        assert sum(differences) / len(differences) < mean


def sets_here() -> Iterator[str]:
    library = decoding_library()
    return (name for name in SETS if library.regard_decodes(name.encode()))


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "int8"])
def test_instruction_sets_agree(precision: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = save_tiny_model(tmp_path / "model", VARIANTS["modern"])
    pairs = [(source, ["AA", "B", "CH"]) for source in SOURCES]
    scores = {}
    for name in sets_here():
        monkeypatch.setattr("regard.native.decoder.decoding_set", lambda name=name: name)
        engine = NativeEngine.load([folder], precision=precision)
        assert engine.decoder.instructions == name
        scores[name] = list(engine.score(pairs))
    for name, found in scores.items():
        for ours, theirs in zip(found, scores["portable"], strict=True):
            assert ours == pytest.approx(theirs, abs=2e-2 if precision == "bfloat16" else 1e-3), name


def test_an_answer_nobody_waits_for(engine: NativeEngine) -> None:
    for _ in range(20):
        found = engine.translate((list("abcdefgh") for _ in range(50)), BeamConfig())
        next(found)
        found.close()
    assert len(list(engine.translate(SOURCES, GreedyConfig()))) == len(SOURCES)


def test_what_it_lacks_is_named() -> None:
    from regard.inference.native_engine import obstacle

    assert obstacle(RECURRENT) == "the family 'recurrent'"


def test_several_models_are_refused(tmp_path: Path) -> None:
    folder = save_tiny_model(tmp_path / "model")
    with pytest.raises(UnsupportedError, match=r"engine 'native': an ensemble: not supported .use engine 'torch'."):
        NativeEngine.load([folder, folder])


def test_settings_that_cannot_be(tmp_path: Path) -> None:
    folder = save_tiny_model(tmp_path / "model")
    with pytest.raises(ConfigError, match="threads: 0 is below 1"):
        NativeEngine.load([folder], threads=0)
    with pytest.raises(UnsupportedError, match=r"precision 'int4': not supported .it has float32, bfloat16, int8."):
        NativeEngine.load([folder], precision="int4")
    with pytest.raises(UnsupportedError, match="device 'cuda'"):
        NativeEngine.load([folder], device="cuda")


def test_weights_of_another_model_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = save_tiny_model(tmp_path / "model")
    other = save_tiny_model(tmp_path / "other", replace(TRANSFORMER, d_ff=48))
    (folder.path / "model.safetensors").write_bytes((other.path / "model.safetensors").read_bytes())
    monkeypatch.setattr(ModelFolder, "check_weights", lambda folder: None)
    with pytest.raises(CheckpointError, match=r"widen.weight is \[48, 16\], not \[32, 16\]"):
        NativeEngine.load([folder])


def test_the_set_is_no_faster_than_what_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    from regard.native.library import native

    assert decoding_set() in SETS
    monkeypatch.setenv("REGARD_NATIVE", "portable")
    native.cache_clear()
    assert decoding_set() == "portable"
    monkeypatch.undo()
    native.cache_clear()
