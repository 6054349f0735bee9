import subprocess
import sys
from pathlib import Path

import pytest

from regard.errors import CheckpointError
from regard.text.configs import CharactersConfig, SpacedConfig
from regard.text.tokenizer import Characters, Spaced, learn_tokenizer, load_tokenizer


def test_characters_by_hand() -> None:
    tokenizer = learn_tokenizer(CharactersConfig(), ["ab a", "▁"])
    assert tokenizer.split("a b") == ["a", " ", "b"]
    assert tokenizer.tokens == ("a", " ", "b", "▁")  # a twice; the others once, by code point


@pytest.mark.parametrize("text", ["  a  b ", "a▁b", "\u2028\u00a0\t", "e\u0301 👩‍👧", "<unk> <s>"])
def test_characters_come_back_exactly(text: str) -> None:
    tokenizer = learn_tokenizer(CharactersConfig(), ["a"])
    assert tokenizer.join(tokenizer.split(text)) == text


def test_spaced_by_hand() -> None:
    tokenizer = learn_tokenizer(SpacedConfig(), ["B AH0 B", "K"])
    assert tokenizer.split("  K  AH0 ZH ") == ["K", "AH0", "ZH"]
    assert tokenizer.join(["K", "AH0", "ZH"]) == "K AH0 ZH"
    assert tokenizer.tokens == ("B", "AH0", "K")


def test_only_the_plain_space_separates() -> None:
    tokenizer = learn_tokenizer(SpacedConfig(), ["a"])
    assert tokenizer.split("a\u00a0b\u3000c\td") == ["a\u00a0b\u3000c\td"]


def test_a_special_token_is_seen_when_joined() -> None:
    assert Spaced(("a",), SpacedConfig()).join(["a", "<unk>"]) == "a <unk>"
    assert Characters(("a",), CharactersConfig()).join(["a", "<unk>"]) == "a<unk>"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ('kind = "spaces"', "unknown tokenizer 'spaces' (take a whole copy of the model folder)"),
        ("", "unknown tokenizer ''"),
        ('kind = "unigram"\nvocabulary = "big"', "vocabulary: expected a whole number, got 'big'"),
        ("kind = spaced", "is not TOML"),
    ],
)
def test_a_damaged_config_is_explained(tmp_path: Path, content: str, problem: str) -> None:
    path = tmp_path / "tokenizer.toml"
    path.write_text(content)
    with pytest.raises(CheckpointError) as caught:
        load_tokenizer(tmp_path)
    assert str(caught.value).startswith(f"{path}: {problem}")


def test_importing_the_package_stays_cheap() -> None:
    program = "import sys, regard.text.tokenizer; sys.exit(bool({'sentencepiece', 'torch', 'numpy'} & {*sys.modules}))"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
