"""Models exported to CTranslate2: the same tokens, or refused by name."""

import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from regard.data.batch import PaddedTokens
from regard.decoding.search import search
from regard.decoding.types import (
    BeamConfig,
    GnmtNormalisation,
    GreedyConfig,
    LengthNormalisation,
    NoNormalisation,
    PowerNormalisation,
)
from regard.errors import UnsupportedError
from regard.interop.ctranslate2 import export as export_module
from regard.interop.ctranslate2.beam import refilled_beam
from regard.interop.ctranslate2.export import export
from regard.interop.ctranslate2.runtime import Runtime, names
from regard.layers.configs import (
    AlibiConfig,
    GEGLUConfig,
    GELUConfig,
    LearnedConfig,
    NoPositionsConfig,
    PreNormConfig,
    RMSNormConfig,
    RotaryConfig,
    SeparateConfig,
    ShawConfig,
    SiLUConfig,
    SourceCopyingConfig,
    SourceNgramsConfig,
    SwiGLUConfig,
    T2TSinusoidalConfig,
    T5Config,
    ThreeWayConfig,
    TwoWayConfig,
)
from regard.model_folder import ModelFolder
from regard.models.configs import ModelConfig, TransformerConfig
from regard.text.configs import SpacedConfig
from regard.text.sides import Sides, TextConfig
from tests.tiny_model import RECURRENT, TRANSFORMER, save_tiny_model

pytest.importorskip("ctranslate2")
pytestmark = pytest.mark.extra

PRE_NORM = replace(TRANSFORMER, residual=PreNormConfig())
VARIANTS: dict[str, TransformerConfig] = {
    "post-norm": TRANSFORMER,
    "pre-norm": PRE_NORM,
    "RMSNorm": replace(PRE_NORM, norm=RMSNormConfig(epsilon=1e-3)),
    "RMSNorm behind": replace(TRANSFORMER, norm=RMSNormConfig()),
    "gelu": replace(TRANSFORMER, feed_forward=GELUConfig()),
    "swiglu": replace(PRE_NORM, feed_forward=SwiGLUConfig()),
    "silu": replace(TRANSFORMER, feed_forward=SiLUConfig()),
    "geglu": replace(PRE_NORM, feed_forward=GEGLUConfig()),
    "no biases": replace(PRE_NORM, feed_forward=SwiGLUConfig(), biases=False),
    "two-way": replace(TRANSFORMER, embeddings=TwoWayConfig()),
    "not scaled": replace(TRANSFORMER, embeddings=SeparateConfig(scaled=False)),
    "norm on embeddings": replace(TRANSFORMER, embedding_norm=True),
    "deep and shallow": replace(PRE_NORM, encoder_layers=3, decoder_layers=1),
    "grouped": replace(PRE_NORM, heads=4, key_value_heads=2),
    "grouped as one": replace(TRANSFORMER, heads=4, key_value_heads=1),
    "no positions": replace(TRANSFORMER, positions=NoPositionsConfig()),
    "t2t": replace(TRANSFORMER, positions=T2TSinusoidalConfig()),
    "learned": replace(TRANSFORMER, positions=LearnedConfig(longest=5)),
    "rotary": replace(PRE_NORM, positions=RotaryConfig(base=100.0)),
    "rotary and grouped": replace(PRE_NORM, positions=RotaryConfig(), heads=4, key_value_heads=2),
    "shaw": replace(TRANSFORMER, positions=ShawConfig(distance=3)),
    "t5": replace(TRANSFORMER, positions=T5Config(buckets=8, distance=12)),
    "alibi": replace(PRE_NORM, positions=AlibiConfig()),
}


def sentences(count: int, longest: int = 20) -> list[str]:
    draw = random.Random(1)
    return ["".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=draw.randint(1, longest))) for _ in range(count)]


@pytest.mark.parametrize("config", VARIANTS.values(), ids=VARIANTS.keys())
def test_outputs_are_those_of_the_model(config: TransformerConfig, tmp_path: Path) -> None:
    folder = save_tiny_model(tmp_path / "model", config, decoding=BeamConfig(max_length=7))
    report = export(folder, tmp_path / "out", sentences(4, 8))
    assert report.sentences == report.same_greedy == report.same_beam == 4
    assert report.largest_difference < 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("name", ["post-norm", "pre-norm", "swiglu", "rotary"])
def test_a_thousand_sentences_have_the_same_tokens(name: str, tmp_path: Path) -> None:
    """In a process of its own, where no shapes are checked: that would take an hour."""
    save_tiny_model(tmp_path / "model", VARIANTS[name], longest=16)
    code = (
        "import sys; from pathlib import Path; from regard.interop.ctranslate2.export import export; "
        "from regard.model_folder import ModelFolder; place, *texts = sys.argv[1:]; "
        "report = export(ModelFolder.open(Path(place) / 'model'), Path(place) / 'out', texts); "
        "print(report.same_greedy, report.same_beam, report.near_ties)"
    )
    command = [sys.executable, "-c", code, str(tmp_path), *sentences(1000, 16)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    greedy, beam, near_ties = map(int, done.stdout.split())
    print(f"{name}: greedy {greedy}, beam {beam}, near ties {near_ties}")  # noqa: T201 - shown by pytest -s
    assert greedy + beam + near_ties == 2000


@pytest.mark.parametrize(
    "length",
    [NoNormalisation(), GnmtNormalisation(), PowerNormalisation(alpha=1.0), PowerNormalisation(alpha=0.6)],
    ids=str,
)
@pytest.mark.parametrize(("n_best", "beams"), [(1, 4), (3, 4), (2, 2), (1, 1)])
def test_its_beam_search_follows_the_rule_that_is_described(
    length: LengthNormalisation, n_best: int, beams: int, tmp_path: Path
) -> None:
    folder = save_tiny_model(tmp_path / "model", PRE_NORM, seed=2)
    export(folder, tmp_path / "out")
    runtime, model = Runtime(tmp_path / "out", folder.sides, threads=1), folder.load_model()
    config = BeamConfig(beams=beams, n_best=n_best, length=length, max_length=8)
    sources = [folder.sides.source.ids(text) for text in sentences(5, 12)]
    found = runtime.search(sources, config)
    for source, ours in zip(sources, found, strict=True):
        theirs = refilled_beam(model, source, config)
        assert [h.ids for h in ours] == [h.ids for h in theirs]
        assert [h.ended for h in ours] == [h.ended for h in theirs]
        assert [h.score for h in ours] == pytest.approx([h.score for h in theirs], abs=1e-4)
        assert [h.log_prob for h in ours] == pytest.approx([h.log_prob for h in theirs], abs=1e-3)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (RECURRENT, "the family recurrent"),
        (replace(TRANSFORMER, ngrams=SourceNgramsConfig()), "n-gram vectors .model.ngrams=source."),
    ],
    ids=["recurrent", "n-grams"],
)
def test_what_it_lacks_is_refused_by_name_and_nothing_is_written(
    config: ModelConfig, words: str, tmp_path: Path
) -> None:
    folder = save_tiny_model(tmp_path / "model", config)
    with pytest.raises(UnsupportedError, match=f"ctranslate2: cannot have {words}"):
        export(folder, tmp_path / "out", ["abc"])
    assert not (tmp_path / "out").exists()


def test_copying_is_refused_by_name() -> None:
    from regard.interop.ctranslate2.spec import refused

    config = replace(TRANSFORMER, embeddings=ThreeWayConfig(), copying=SourceCopyingConfig())
    assert list(refused(config)) == ["copying from the source (model.copying=source)"]


def test_an_export_that_writes_otherwise_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = save_tiny_model(tmp_path / "model", decoding=BeamConfig(max_length=5))
    other = save_tiny_model(tmp_path / "other", seed=2).load_model()
    monkeypatch.setattr(export_module, "refilled_beam", lambda _, *rest: refilled_beam(other, *rest))
    with pytest.raises(UnsupportedError, match="outputs by beam search are not those of the model"):
        export(folder, tmp_path / "out", sentences(5))
    assert not (tmp_path / "out").exists()


def test_the_folder_is_all_that_is_needed(tmp_path: Path) -> None:
    folder = save_tiny_model(tmp_path / "model", PRE_NORM)
    export(folder, tmp_path / "out")
    exported, config = ModelFolder.open(tmp_path / "out"), GreedyConfig()
    ids = exported.sides.source.ids("hello")
    (ours,), (theirs,) = (
        search(folder.load_model(), PaddedTokens.sources([ids]), config),
        Runtime(tmp_path / "out", exported.sides).search([ids], config),
    )
    assert theirs[0].ids == ours[0].ids
    assert not (tmp_path / "out" / "model.safetensors").exists()


def test_special_tokens_get_names_that_no_text_has() -> None:
    side = Sides.learn(TextConfig(source=SpacedConfig(), target=SpacedConfig()), ["<s> a <unk>"], ["b"])
    source, target = names(side)
    assert source[:4] == ["<<pad>>", "<<s>>", "<</s>>", "<<unk>>"]
    assert len({*source}) == len(source)
    assert source == target
