from pathlib import Path

import pytest

from regard.decoding.types import BeamConfig, GreedyConfig
from regard.errors import ConfigError, UnsupportedError
from regard.inference.ctranslate2_engine import CTranslate2Engine
from regard.inference.torch_engine import TorchEngine
from regard.inference.translator import Translator
from regard.interop.ctranslate2 import export as export_module
from regard.interop.ctranslate2.export import export
from regard.model_folder import ModelFolder
from tests.tiny_model import RECURRENT, SOURCES, save_tiny_model

pytest.importorskip("ctranslate2")
pytestmark = pytest.mark.extra

GREEDY = GreedyConfig(max_length=12)
TOKENS = [list(text) for text in SOURCES]


@pytest.fixture
def folder(tmp_path: Path) -> ModelFolder:
    return save_tiny_model(tmp_path / "model", decoding=GREEDY)


def tokens(engine: CTranslate2Engine | TorchEngine) -> list[tuple[str, ...]]:
    return [found[0].tokens for found in engine.translate(TOKENS, GREEDY)]


def test_it_writes_what_torch_writes(folder: ModelFolder) -> None:
    assert tokens(CTranslate2Engine.load([folder])) == tokens(TorchEngine.load([folder]))


def test_the_first_load_exports_and_the_next_takes_that(folder: ModelFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    first = tokens(CTranslate2Engine.load([folder]))
    monkeypatch.setattr(export_module, "export", None)
    assert tokens(CTranslate2Engine.load([folder])) == first
    assert (folder.path / "ctranslate2" / "model.bin").is_file()
    assert ModelFolder.open(folder.path).settings == folder.settings


def test_a_folder_that_cannot_be_written_is_exported_elsewhere(folder: ModelFolder) -> None:
    (folder.path / "ctranslate2").write_text("in the way")
    (folder.path / ".ctranslate2.new").write_text("in the way")
    assert tokens(CTranslate2Engine.load([folder])) == tokens(TorchEngine.load([folder]))
    assert (folder.path / "ctranslate2").read_text() == "in the way"


def test_an_exported_folder_translates_text(folder: ModelFolder, tmp_path: Path) -> None:
    export(folder, tmp_path / "out")
    translator = Translator.load(tmp_path / "out", engine="ctranslate2")
    expected = Translator.load(folder.path)
    for text in ("hello", "abc. " * 20):  # the second in parts
        ours, theirs = translator.translate(text), expected.translate(text)
        assert (ours.text, ours.status, ours.tokens) == (theirs.text, theirs.status, theirs.tokens)
        assert ours.token_log_probs == ()


def test_int8_is_nearly_the_same_model(folder: ModelFolder) -> None:
    exact, rough = (CTranslate2Engine.load([folder], precision=kind) for kind in ("float32", "int8"))
    pair = (TOKENS[0], ("AA", "B"))
    ((exact_scores,), (rough_scores,)) = (list(engine.score([pair])) for engine in (exact, rough))
    assert rough_scores != exact_scores
    assert rough_scores == pytest.approx(exact_scores, abs=3.0)  # of large random weights: a wrong map is off by 10s


def test_what_it_lacks_is_named(folder: ModelFolder, tmp_path: Path) -> None:
    engine = CTranslate2Engine.load([folder])
    with pytest.raises(UnsupportedError, match="engine 'ctranslate2': a minimum length, blocked repetition: not supp"):
        list(engine.translate(TOKENS, BeamConfig(no_repeat=2, min_length=1)))
    with pytest.raises(UnsupportedError, match="a forced prefix"):
        list(engine.translate(TOKENS, GREEDY, [["AA"], [], []]))
    with pytest.raises(UnsupportedError, match="an ensemble, device 'cuda': not supported"):
        CTranslate2Engine.load([folder, folder], device="cuda")
    with pytest.raises(UnsupportedError, match="precision 'bfloat16': not supported"):
        CTranslate2Engine.load([folder], precision="bfloat16")
    with pytest.raises(UnsupportedError, match="ctranslate2: cannot have the family recurrent"):
        CTranslate2Engine.load([save_tiny_model(tmp_path / "other", RECURRENT)])
    with pytest.raises(ConfigError, match="threads: 0 is below 1"):
        CTranslate2Engine.load([folder], threads=0)


def test_texts_beyond_its_positions_are_refused(folder: ModelFolder) -> None:
    engine = CTranslate2Engine.load([folder])
    with pytest.raises(UnsupportedError, match="texts of 1025 tokens: not supported"):
        list(engine.translate([["a"] * 1025], GREEDY))
    with pytest.raises(UnsupportedError, match="texts of 3000 tokens: not supported"):
        list(engine.translate(TOKENS, GreedyConfig(max_length=3000, length_extra=3000)))
    assert len(next(iter(engine.translate([["a"] * 1024], GREEDY)))) == 1
