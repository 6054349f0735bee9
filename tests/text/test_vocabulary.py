import json
from pathlib import Path

import pytest

from regard.errors import CheckpointError
from regard.text.vocabulary import BOS, EOS, PAD, SPECIAL, UNK, Vocabulary


def test_ids_by_hand() -> None:
    vocabulary = Vocabulary.of(["a", "b", "a", "c"])
    assert vocabulary.ids(["c", "a", "?"]) == [6, 4, UNK]
    assert vocabulary.tokens([6, 4, UNK]) == ["c", "a", "<unk>"]
    assert vocabulary.entries == (*SPECIAL, "a", "b", "c")
    assert len(vocabulary) == 7


def test_special_tokens_stand_where_they_are_promised() -> None:
    assert Vocabulary.of([]).tokens([PAD, BOS, EOS, UNK]) == ["<pad>", "<s>", "</s>", "<unk>"]


def test_no_text_can_name_a_special_token() -> None:
    assert Vocabulary.of(["a"]).ids(SPECIAL) == [UNK] * 4
    assert Vocabulary.of(["a", "<s>"]).ids(["<s>"]) == [5]


ODD = ["\u2028", "\n", "\r", "\x85", "\0", " ", "", '"', "\\", "é", "e\u0301", "日本", "😀", "\u200d", "\ufeff", "<s>"]


def test_any_token_comes_back_from_the_file(tmp_path: Path) -> None:
    path = tmp_path / "vocabulary.json"
    Vocabulary.of(ODD).save(path)
    assert Vocabulary.load(path).entries == (*SPECIAL, *ODD)


def test_the_file_can_be_read_by_people(tmp_path: Path) -> None:
    path = tmp_path / "vocabulary.json"
    Vocabulary.of(ODD).save(path)
    lines = path.read_bytes().decode().splitlines()
    assert len(lines) == len(SPECIAL) + len(ODD) + 2
    assert lines[PAD + 2 - 1] == '"<pad>",'
    assert '"\\u2028",' in lines
    assert '"日本",' in lines


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "cannot be read"),
        ('["<pad>", "<s>"', "cannot be read"),
        ('{"a": 4}', "is not a list of tokens"),
        ('["<pad>", 1]', "is not a list of tokens"),
        ('["a", "b", "c", "d"]', "does not begin with <pad>, <s>, </s>, <unk>"),
        (json.dumps([*SPECIAL, "a", "b", "a"]), "has a token twice"),
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, content: str, problem: str) -> None:
    path = tmp_path / "vocabulary.json"
    path.write_text(content)
    with pytest.raises(CheckpointError) as caught:
        Vocabulary.load(path)
    assert str(caught.value).startswith(f"{path}: {problem}")
    assert "take a whole copy" in caught.value.hint


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"nowhere\.json: cannot be read: No such file"):
        Vocabulary.load(tmp_path / "nowhere.json")
