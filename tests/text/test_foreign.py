"""Sentencepiece models from elsewhere: their rules, and codes that a text may begin with."""

from pathlib import Path

import pytest

from regard.errors import CheckpointError, ConfigError
from regard.text.configs import ForeignConfig
from regard.text.foreign import Foreign
from regard.text.tokenizer import learn_tokenizer, load_tokenizer
from tests.interop.hub_models import SOURCES, pieces_of

CODES = (">>fra<<", "de_DE")


@pytest.fixture(scope="module")
def model() -> bytes:
    return pieces_of(SOURCES)[0]


def test_texts_are_cut_and_joined_by_the_model_s_own_rules(model: bytes) -> None:
    tokenizer = Foreign(model, ForeignConfig())
    tokens = tokenizer.split("  The   river ½ ")
    assert tokens[0].startswith("▁")
    assert tokenizer.join(tokens) == "The river 1⁄2"  # normalised, spaces and all
    assert tokenizer.sampled(["The river"], seed=1) == [tokenizer.split("The river")]
    assert tokenizer.split("") == []
    assert tokenizer.join([]) == ""
    assert set(tokenizer.tokens) < set(tokenizer.pieces)
    assert not {"<unk>", "<s>", "</s>"} & set(tokenizer.tokens)


@pytest.mark.parametrize(("usual", "first"), [("", []), ("de_DE", ["de_DE"])])
def test_codes(model: bytes, usual: str, first: list[str]) -> None:
    tokenizer, plain = Foreign(model, ForeignConfig(codes=CODES, usual=usual)), Foreign(model, ForeignConfig())
    rest = plain.split("The river")
    assert tokenizer.split("The river") == [*first, *rest]
    for written in (">>fra<< The river", ">>fra<<The river", " >>fra<< The river"):
        assert tokenizer.split(written) == [">>fra<<", *rest]
    assert tokenizer.split("de_DE The river") == ["de_DE", *rest]
    assert tokenizer.split("de_DE") == ["de_DE"]
    assert tokenizer.split("de_DExyz") == [*first, *plain.split("de_DExyz")]
    assert tokenizer.split(">>xyz<< The river") == [*first, *plain.split(">>xyz<< The river")]
    assert tokenizer.join([">>fra<<", *rest]) == "The river"


def test_it_is_saved_and_loaded(model: bytes, tmp_path: Path) -> None:
    config = ForeignConfig(codes=CODES, usual="de_DE")
    Foreign(model, config).save(tmp_path)
    loaded = load_tokenizer(tmp_path)
    assert isinstance(loaded, Foreign)
    assert loaded.config == config
    assert loaded.split("The river") == Foreign(model, config).split("The river")


@pytest.mark.parametrize("damage", [None, b"", b"\xff\x00" * 40])
def test_a_damaged_model_is_named(model: bytes, tmp_path: Path, damage: bytes | None) -> None:
    Foreign(model, ForeignConfig()).save(tmp_path)
    file = tmp_path / "sentencepiece.model"
    file.unlink() if damage is None else file.write_bytes(damage)
    with pytest.raises(CheckpointError) as caught:
        load_tokenizer(tmp_path)
    assert caught.value.where == str(file)


def test_it_cannot_be_learnt() -> None:
    with pytest.raises(ConfigError, match="cannot be learnt"):
        learn_tokenizer(ForeignConfig(), SOURCES)


def test_the_usual_code_is_one_of_the_codes() -> None:
    with pytest.raises(ConfigError, match="'fr' is not among the codes"):
        ForeignConfig(codes=CODES, usual="fr")
