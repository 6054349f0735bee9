"""What every registered tokenizer must keep."""

from pathlib import Path

import pytest

from regard.errors import CheckpointError, DataError
from regard.text import TOKENIZERS
from regard.text.configs import TokenizerConfig
from regard.text.tokenizer import Tokenizer, learn_tokenizer, load_tokenizer
from regard.text.vocabulary import UNK, Vocabulary

TEXTS = ["The tower is low.", "Der Turm ist niedrig.", "HH AH0 L OW1", "日本 の 塔", "x▁y ␛ 3 < 4"] * 3
UNSEEN = ["A tower, unseen", "😀 塔▁塔", "<s> <unk>"]


@pytest.fixture(params=[name for name in TOKENIZERS if name != "foreign"])  # which cannot be learnt: test_foreign.py
def config(request: pytest.FixtureRequest) -> TokenizerConfig:
    return TOKENIZERS[request.param]()


@pytest.fixture
def tokenizer(config: TokenizerConfig) -> Tokenizer:
    return learn_tokenizer(config, TEXTS)


def files(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_it_keeps_the_protocol(tokenizer: Tokenizer) -> None:
    assert isinstance(tokenizer, Tokenizer)


@pytest.mark.parametrize("text", [*TEXTS, *UNSEEN, ""])
def test_joining_undoes_splitting(tokenizer: Tokenizer, text: str) -> None:
    assert tokenizer.join(tokenizer.split(text)) == text


def test_nothing_is_nothing(tokenizer: Tokenizer) -> None:
    assert tokenizer.split("") == []
    assert tokenizer.join([]) == ""


def test_what_it_learnt_from_has_ids(tokenizer: Tokenizer) -> None:
    assert len(set(tokenizer.tokens)) == len(tokenizer.tokens)
    vocabulary = Vocabulary.of(tokenizer.tokens)
    for text in TEXTS:
        ids = vocabulary.ids(tokenizer.split(text))
        assert UNK not in ids
        assert tokenizer.join(vocabulary.tokens(ids)) == text


def test_any_tokens_give_a_text(tokenizer: Tokenizer) -> None:
    assert "nonsense" in tokenizer.join(["<unk>", "", "nonsense", "<0xFF>", "<s>"])


def test_sampling_is_off_unless_asked_for(tokenizer: Tokenizer) -> None:
    assert tokenizer.sampled([*TEXTS, ""], seed=3) == [tokenizer.split(text) for text in [*TEXTS, ""]]


def test_the_same_texts_give_the_same_files(tokenizer: Tokenizer, config: TokenizerConfig, tmp_path: Path) -> None:
    for name, one in (("first", tokenizer), ("second", learn_tokenizer(config, iter(TEXTS)))):
        (tmp_path / name).mkdir()
        one.save(tmp_path / name)
    assert files(tmp_path / "first") == files(tmp_path / "second")


def test_a_saved_tokenizer_is_the_same(tokenizer: Tokenizer, tmp_path: Path) -> None:
    tokenizer.save(tmp_path)
    saved, loaded = files(tmp_path), load_tokenizer(tmp_path)
    assert type(loaded) is type(tokenizer)
    assert loaded.tokens == tokenizer.tokens
    assert [loaded.split(text) for text in UNSEEN] == [tokenizer.split(text) for text in UNSEEN]
    loaded.save(tmp_path)
    assert files(tmp_path) == saved


@pytest.mark.parametrize("damage", ["missing", "half", "binary"])
def test_a_damaged_folder_names_the_file(tokenizer: Tokenizer, tmp_path: Path, damage: str) -> None:
    tokenizer.save(tmp_path)
    for name, content in files(tmp_path).items():
        path = tmp_path / name
        if damage == "missing":
            path.unlink()
        else:
            path.write_bytes(content[: len(content) // 2] if damage == "half" else b"\xff\x00" * 50)
        with pytest.raises(CheckpointError) as caught:
            load_tokenizer(tmp_path)
        assert caught.value.where == str(path)
        assert caught.value.hint
        path.write_bytes(content)


@pytest.mark.parametrize("texts", [[], ["", ""]])
def test_nothing_to_learn_from_is_said(config: TokenizerConfig, texts: list[str]) -> None:
    with pytest.raises(DataError, match="tokenizer: there is no text to learn from"):
        learn_tokenizer(config, texts)
