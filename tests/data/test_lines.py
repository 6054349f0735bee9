import errno
import gzip
import os
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest

from regard.data.lines import LONGEST_LINE, read_lines
from regard.errors import DataError

LATIN_1 = "Hafen\nÜbersee\n".encode("latin-1")
GOOD = gzip.compress(b"one\ntwo\nthree\n" * 5000)
TOO_LONG = b"short\n" + b"x" * LONGEST_LINE + b"\n"

BAD_FILES = {  # name -> content, where from the name on, words of the problem, words of the hint
    "utf16.txt": ("a\tb\n".encode("utf-16"), "utf16.txt", "UTF-16", "iconv -f UTF-16 -t UTF-8"),
    "utf16be.txt": (b"\xfe\xff\x00a", "utf16be.txt", "UTF-16", "iconv -f UTF-16 -t UTF-8"),
    "utf32.txt": ("a\n".encode("utf-32"), "utf32.txt", "UTF-32", "iconv -f UTF-32 -t UTF-8"),
    "no_mark.txt": ("a\nb\n".encode("utf-16-le"), "no_mark.txt:1", "a NUL byte at byte 2", "UTF-16LE"),
    "nul.txt": (b"fine\nfi\x00ne\n", "nul.txt:2", "a NUL byte at byte 3", "choose another file"),
    "latin1.txt": (LATIN_1, "latin1.txt:2", "byte 1, 0xDC, is not UTF-8", "iconv -f WINDOWS-1252"),
    "cut_char.txt": ("aé".encode()[:-1], "cut_char.txt:1", "byte 2, 0xC3, is not UTF-8", "convert"),
    "surrogate.txt": (b"\xed\xa0\x80\n", "surrogate.txt:1", "0xED, is not UTF-8", "convert"),
    "long.txt": (TOO_LONG, "long.txt:2", "longer than 1,000,000 bytes", "every line is one text"),
    "zip.tsv": (b"PK\x03\x04rest", "zip.tsv", "a zip archive", "unpack"),
    "xz.tsv": (b"\xfd7zXZ\x00rest", "xz.tsv", "an xz archive", "unpack"),
    "zstd.tsv": (b"\x28\xb5\x2f\xfdrest", "zstd.tsv", "a zstd archive", "unpack"),
    "table.parquet": (b"PAR1rest", "table.parquet", "a Parquet file", "export"),
    "plain.gz": (b"plain text\n", "plain.gz", "is not a gzip file, though its name says so", "take .gz off"),
    "cut.gz": (GOOD[: len(GOOD) // 2], "cut.gz:*", "the gzip file is cut short", "again"),
    "head.gz": (GOOD[:2], "head.gz:1", "the gzip file is cut short", "again"),
    "bad_sum.gz": (GOOD[:-8] + b"\x00" * 8, "bad_sum.gz:*", "the gzip file is damaged", "again"),
    "bad_bits.gz": (GOOD[:20] + b"\xff" * 40, "bad_bits.gz:*", "the gzip file is damaged", "again"),
}


def error_of(path: Path) -> DataError:
    with pytest.raises(DataError) as raised:
        list(read_lines(str(path)))
    return raised.value


def written(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    return str(path)


@pytest.mark.parametrize("name", BAD_FILES)
def test_what_is_no_text_is_refused(name: str, tmp_path: Path) -> None:
    content, where, problem, hint = BAD_FILES[name]
    (tmp_path / name).write_bytes(content)
    error = error_of(tmp_path / name)
    assert fnmatch(error.where, f"{tmp_path}/{where}")
    assert problem in error.problem
    assert hint in error.hint


def test_lines_before_a_bad_one_are_read(tmp_path: Path) -> None:
    lines = read_lines(written(tmp_path / "a.txt", LATIN_1))
    assert next(lines) == "Hafen"


def test_a_missing_file_is_guessed_at(tmp_path: Path) -> None:
    (tmp_path / "train.tsv.gz").touch()
    (tmp_path / "notes.txt").touch()
    error = error_of(tmp_path / "train.tsv")
    assert (error.problem, error.where) == ("no such file", f"{tmp_path}/train.tsv")
    assert error.hint == f"did you mean {tmp_path}/train.tsv.gz?"
    assert error_of(tmp_path / "xyzzy").hint == "check the path"
    assert error_of(tmp_path / "nowhere" / "a").hint == f"there is no folder {tmp_path}/nowhere either"


def test_folders_and_files_that_may_not_be_read(tmp_path: Path) -> None:
    assert error_of(tmp_path).problem == "is a folder, not a file"
    below_a_file = Path(written(tmp_path / "a.txt", b"a\n")) / "b.txt"
    assert error_of(below_a_file).problem == "cannot be read: Not a directory"


def test_permissions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, mode: str) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(Path, "open", refuse)
    assert error_of(tmp_path / "a.txt").problem == "cannot be read: Permission denied"


@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz", "gzip_by_content_alone"])
def test_only_line_feeds_end_lines(name: str, tmp_path: Path) -> None:
    text = "one\r\ntwo\u2028\x85\x0b\x0c\x1c still two\n\n three\rstill three \r\r\nfour"
    content = b"\xef\xbb\xbf" + text.encode()
    path = written(tmp_path / name, content if name == "a.txt" else gzip.compress(content))
    assert list(read_lines(path)) == [
        "one",
        "two\u2028\x85\x0b\x0c\x1c still two",
        "",
        " three\rstill three \r",
        "four",
    ]


def test_a_mark_counts_only_where_a_file_begins(tmp_path: Path) -> None:
    assert list(read_lines(written(tmp_path / "a", "\ufeffa\n\ufeffb".encode()))) == ["a", "\ufeffb"]


def test_the_longest_line_there_may_be(tmp_path: Path) -> None:
    line = b"x" * (LONGEST_LINE - 1) + b"\n"
    assert [len(text) for text in read_lines(written(tmp_path / "a", line + line))] == [LONGEST_LINE - 1] * 2


def test_members_of_a_gzip_file_follow_one_another(tmp_path: Path) -> None:
    path = written(tmp_path / "a.gz", gzip.compress(b"one\ntw") + gzip.compress(b"o\n"))
    assert list(read_lines(path)) == ["one", "two"]


@pytest.mark.parametrize("name", ["a.txt", "a.gz"])
def test_an_empty_file_has_no_lines(name: str, tmp_path: Path) -> None:
    assert list(read_lines(written(tmp_path / name, b""))) == []


@pytest.mark.parametrize("content", [b"one\ntwo\n", gzip.compress(b"one\ntwo\n")], ids=["plain", "gzip"])
def test_standard_input(content: bytes) -> None:
    code = "from regard.data.lines import read_lines; print(list(read_lines('-')))"
    done = subprocess.run([sys.executable, "-c", code], input=content, capture_output=True, check=True)
    assert done.stdout == b"['one', 'two']\n"


def test_errors_in_standard_input_have_a_place() -> None:
    code = "from regard.data.lines import read_lines; list(read_lines('-'))"
    done = subprocess.run([sys.executable, "-c", code], input=b"a\n\xff\n", capture_output=True, check=False)
    assert b"DataError: standard input:2: byte 1, 0xFF, is not UTF-8" in done.stderr
