import json
import subprocess
import sys
from pathlib import Path

import pytest

from regard.errors import CheckpointError, ConfigError
from regard.text.configs import BpeConfig, CharactersConfig, UnigramConfig
from regard.text.sentencepiece import SentencePiece, _sample
from regard.text.tokenizer import learn_tokenizer, save_config
from regard.text.vocabulary import SPECIAL

TEXTS = ["the low tower", "the lower tower", "the lowest tower of all", "low and lower and lowest"] * 5
CONFIGS = [UnigramConfig, BpeConfig]
ODD = [
    *("", " ", "  two  spaces ", "▁", " ▁▁ a▁b ", "␛", "␛0▁␛1", "▅", "\0", "a\tb", "\u2028\u00a0\u3000"),
    *("Grüße, 日本語!", "e\u0301 is not é", "👩‍👩‍👧 😀", "<s> </s> <unk> <pad> <0x41>", "ﬁne ① Ⅳ ½"),
]


@pytest.fixture(params=[True, False], ids=["bytes", "no bytes"])
def byte_fallback(request: pytest.FixtureRequest) -> bool:
    return request.param


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize("text", ODD)
def test_any_text_comes_back_exactly(config: type[UnigramConfig], text: str, byte_fallback: bool) -> None:
    tokenizer = learn_tokenizer(config(byte_fallback=byte_fallback, sampling=0.3), [*TEXTS, "<0x41> ▁"])
    assert tokenizer.join(tokenizer.split(text)) == text
    assert tokenizer.join(tokenizer.sampled([text], 1)[0]) == text


def test_common_words_become_one_piece() -> None:
    assert learn_tokenizer(BpeConfig(), TEXTS).split("the tower") == ["▁the", "▁tower"]


def test_unseen_characters_become_bytes() -> None:
    tokenizer = learn_tokenizer(UnigramConfig(), TEXTS)
    assert tokenizer.split("é") == ["▁", "<0xC3>", "<0xA9>"]
    assert set(tokenizer.split("日本 😀 \0▁")) <= set(tokenizer.tokens)


def test_without_bytes_unseen_characters_stay_as_they_are() -> None:
    tokenizer = learn_tokenizer(UnigramConfig(byte_fallback=False), TEXTS)
    assert tokenizer.split("é") == ["▁", "é"]
    assert not any(token.startswith("<0x") for token in tokenizer.tokens)


def test_bytes_that_are_no_character_still_give_a_text() -> None:
    assert learn_tokenizer(UnigramConfig(), TEXTS).join(["▁low", "<0xC3>", "er", "<unk>"]) == "low\ufffder<unk>"


def test_no_text_is_read_as_a_special_token() -> None:
    tokens = learn_tokenizer(UnigramConfig(), TEXTS).split("<pad><s></s><unk>")
    assert not set(tokens) & set(SPECIAL)


@pytest.mark.parametrize("config", CONFIGS)
def test_digits_stand_alone_if_asked_to(config: type[UnigramConfig]) -> None:
    years = ["in 1984", "in 1985", "of 1984"] * 20
    assert learn_tokenizer(config(split_digits=True), years).split("1984")[-4:] == ["1", "9", "8", "4"]
    assert len(learn_tokenizer(config(split_digits=False), years).split("1984")) < 5


@pytest.mark.parametrize("config", CONFIGS)
def test_small_data_gives_fewer_pieces(config: type[UnigramConfig]) -> None:
    assert 256 < len(learn_tokenizer(config(vocabulary=8000), TEXTS).tokens) < 400


@pytest.mark.parametrize("config", CONFIGS)
def test_the_size_counts_everything(config: type[UnigramConfig]) -> None:
    sizes = [len(learn_tokenizer(config(vocabulary=size), TEXTS).tokens) + len(SPECIAL) for size in (273, 276)]
    assert sizes[0] <= 273 < sizes[1] <= 276


@pytest.mark.parametrize("config", CONFIGS)
def test_more_characters_than_pieces_leave_the_rare_ones_to_bytes(config: type[UnigramConfig]) -> None:
    ideographs = [chr(0x4E00 + n) for n in range(2000)]
    tokenizer = learn_tokenizer(config(vocabulary=300), [*TEXTS, *ideographs])
    assert len(tokenizer.tokens) + len(SPECIAL) <= 300
    assert {"t", "w", "▁"} <= set(tokenizer.tokens)
    assert len(set(ideographs) & set(tokenizer.tokens)) < 20
    assert tokenizer.join(tokenizer.split("a " + ideographs[-1])) == "a " + ideographs[-1]


@pytest.mark.parametrize("text", ["spam " * 2000, "\0▅ spam spam"])
def test_no_text_is_passed_over(text: str) -> None:
    assert "▁spam" in learn_tokenizer(BpeConfig(), [text]).tokens


def test_one_long_word_is_learnt_and_split() -> None:
    tokenizer = learn_tokenizer(UnigramConfig(), ["ab" * 50_000])
    assert tokenizer.join(tokenizer.split("ab" * 50_000)) == "ab" * 50_000


def test_learning_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    learn_tokenizer(UnigramConfig(), TEXTS)
    assert capfd.readouterr() == ("", "")


def test_larger_data_are_sampled_evenly() -> None:
    parts = [f"{number:010d}" for number in range(1000)]
    assert _sample(parts, 10_000) == parts
    kept = _sample(parts, 5_000)
    assert kept == sorted(kept)
    assert 200 <= len(kept) <= 500
    assert 0.4 < sum(int(part) < 500 for part in kept) / len(kept) < 0.6
    assert _sample(parts, 5_000) == kept


def test_missing_out_every_merge_leaves_characters() -> None:
    assert learn_tokenizer(BpeConfig(sampling=1.0), TEXTS).sampled(["low"], 1) == [["▁", "l", "o", "w"]]


def test_a_higher_power_samples_more_like_the_likeliest_split() -> None:
    def pieces(sampling: float) -> int:
        tokenizer = learn_tokenizer(UnigramConfig(sampling=sampling), TEXTS)
        return sum(map(len, tokenizer.sampled(["the lowest tower"] * 200, 1)))

    assert pieces(0.05) > pieces(0.3) > pieces(1.0)


@pytest.mark.parametrize("config", CONFIGS)
def test_sampling_hardly_at_all_is_splitting(config: type[UnigramConfig]) -> None:
    rare, usual = {UnigramConfig: (1.0, 0.9), BpeConfig: (1e-9, 1.0)}[config]
    tokenizer = learn_tokenizer(config(sampling=rare), TEXTS)
    texts = [*TEXTS, *ODD]
    same = [drawn == tokenizer.split(text) for drawn, text in zip(tokenizer.sampled(texts, 1), texts, strict=True)]
    assert sum(same) >= usual * len(texts)


@pytest.mark.parametrize("config", CONFIGS)
def test_sampling_depends_on_texts_and_seed_alone(config: type[UnigramConfig]) -> None:
    tokenizer, other = (learn_tokenizer(config(sampling=0.2), TEXTS[n:]) for n in (0, 1))
    first = tokenizer.sampled(TEXTS, 7)
    assert tokenizer.sampled(TEXTS, 8) != first
    other.sampled(TEXTS[:3], 9)
    assert tokenizer.sampled(TEXTS, 7) == first


@pytest.mark.parametrize("config", CONFIGS)
def test_another_process_samples_the_same(config: type[UnigramConfig], tmp_path: Path) -> None:
    tokenizer = learn_tokenizer(config(sampling=0.2), TEXTS)
    tokenizer.save(tmp_path)
    program = (
        "import json, pathlib, sys; from regard.text.tokenizer import load_tokenizer;"
        "print(json.dumps(load_tokenizer(pathlib.Path(sys.argv[1])).sampled(json.loads(sys.argv[2]), 7)))"
    )
    command = [sys.executable, "-c", program, str(tmp_path), json.dumps(TEXTS)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert json.loads(answer) == tokenizer.sampled(TEXTS, 7)


@pytest.mark.parametrize("content", [b"", b"not a model", b"{}" * 500])
def test_a_damaged_model_is_named(tmp_path: Path, content: bytes) -> None:
    learn_tokenizer(UnigramConfig(), TEXTS).save(tmp_path)
    (tmp_path / "sentencepiece.model").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"sentencepiece\.model: is not a sentencepiece model \(take a whole"):
        SentencePiece.load(tmp_path)


def test_a_folder_of_another_tokenizer_is_refused(tmp_path: Path) -> None:
    save_config(tmp_path, CharactersConfig())
    with pytest.raises(CheckpointError, match="belongs to another tokenizer than 'characters'"):
        SentencePiece.load(tmp_path)


def test_impossible_settings_say_so() -> None:
    with pytest.raises(ConfigError, match="vocabulary: 260 pieces are too few, 256 of them for bytes"):
        UnigramConfig(vocabulary=260)
    with pytest.raises(ConfigError, match="vocabulary: 11 pieces are too few"):
        BpeConfig(vocabulary=11, byte_fallback=False)
    with pytest.raises(ConfigError, match=r"sampling: 1\.5 is not within 0 to 1"):
        BpeConfig(sampling=1.5)
