"""The lines of a text file, plain or gzip; whatever keeps it from being UTF-8 text is said with its path and line."""

import gzip
import io
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from functools import partial
from itertools import islice
from pathlib import Path
from typing import IO

from regard.errors import DataError

LONGEST_LINE = 1_000_000
"""Bytes of a line, its end included; a longer one is a file of another kind, or one that lost its line ends."""

STANDARD_INPUT = "-"
"""What stands for it in place of a path."""

GZIP = b"\x1f\x8b"

FOREIGN = {  # first bytes -> what the file is, what to do
    b"\xff\xfe\x00\x00": ("UTF-32 text", "convert it: iconv -f UTF-32 -t UTF-8"),
    b"\x00\x00\xfe\xff": ("UTF-32 text", "convert it: iconv -f UTF-32 -t UTF-8"),
    b"\xff\xfe": ("UTF-16 text", "convert it: iconv -f UTF-16 -t UTF-8"),
    b"\xfe\xff": ("UTF-16 text", "convert it: iconv -f UTF-16 -t UTF-8"),
    b"PK\x03\x04": ("a zip archive or an office document", "unpack or export it as text; only gzip is read as it is"),
    b"\xfd7zXZ\x00": ("an xz archive", "unpack it; only gzip is read as it is"),
    b"\x28\xb5\x2f\xfd": ("a zstd archive", "unpack it; only gzip is read as it is"),
    b"PAR1": ("a Parquet file", "export it as TSV or JSON lines"),
}


def read_lines(path: str) -> Iterator[str]:
    """Yield the lines of a file, or of STANDARD_INPUT, without their ends, LF or CRLF; nothing else ends a line.

    Raises DataError if the file cannot be read, is no UTF-8 text, or holds a line over a million bytes.
    """
    name, number = "standard input" if path == STANDARD_INPUT else path, 0
    try:
        with _opened(path, name) as file:
            for number, raw in enumerate(iter(partial(file.readline, LONGEST_LINE + 1), b""), start=1):
                if len(raw) > LONGEST_LINE or b"\x00" in raw:
                    raise _not_text(raw, f"{name}:{number}")
                try:
                    line = raw.decode("utf-8-sig" if number == 1 else "utf-8")  # drops a byte-order mark
                except UnicodeDecodeError as error:
                    raise _not_utf8(error, f"{name}:{number}") from None
                yield line.removesuffix("\n").removesuffix("\r")
    except EOFError:
        hint = "copy or download it again"
        raise DataError("the gzip file is cut short", where=f"{name}:{number + 1}", hint=hint) from None
    except (gzip.BadGzipFile, zlib.error):
        hint = "copy or download it again"
        raise DataError("the gzip file is damaged", where=f"{name}:{number + 1}", hint=hint) from None
    except OSError as error:
        raise _unreadable(name, error) from None


@contextmanager
def _opened(path: str, name: str) -> Iterator[IO[bytes]]:
    """Open a file, and unpack it if it is gzip, whatever it is called."""
    with os.fdopen(0, "rb", closefd=False) if path == STANDARD_INPUT else Path(path).open("rb") as file:
        start = file.peek(8)
        if start.startswith(GZIP):
            with gzip.GzipFile(fileobj=file) as unpacked, io.BufferedReader(unpacked) as lines:
                yield lines
            return
        if path.endswith(".gz") and start:
            hint = "take .gz off its name if it is plain text"
            raise DataError("is not a gzip file, though its name says so", where=name, hint=hint)
        for mark, (kind, hint) in FOREIGN.items():
            if start.startswith(mark):
                raise DataError(f"is {kind}, not UTF-8 text", where=name, hint=hint)
        yield file


def _unreadable(path: str, error: OSError) -> DataError:
    if isinstance(error, FileNotFoundError):
        return DataError("no such file", where=path, hint=_nearest(Path(path)))
    if isinstance(error, IsADirectoryError):
        return DataError("is a folder, not a file", where=path, hint="name a file in it")
    hint = "check the path and its permissions"
    return DataError(f"cannot be read: {error.strerror or error}", where=path, hint=hint)


def _nearest(path: Path) -> str:
    """Return a guess at which file was meant instead of a missing one."""
    try:
        names = [file.name for file in islice(path.parent.iterdir(), 1000)]
    except OSError:
        return f"there is no folder {path.parent} either" if not path.parent.exists() else "check the path"
    close = get_close_matches(path.name, names, n=3)
    return f"did you mean {' or '.join(str(path.with_name(name)) for name in close)}?" if close else "check the path"


def _not_text(raw: bytes, where: str) -> DataError:
    if b"\x00" in raw:
        hint = "if it is UTF-16, convert it: iconv -f UTF-16LE -t UTF-8; if it is not text, choose another file"
        return DataError(f"a NUL byte at byte {raw.index(0) + 1}: this is not UTF-8 text", where=where, hint=hint)
    hint = "split the text, or mend the line ends; every line is one text"
    return DataError(f"the line is longer than {LONGEST_LINE:,} bytes", where=where, hint=hint)


def _not_utf8(error: UnicodeDecodeError, where: str) -> DataError:
    byte = error.object[error.start]
    hint = "convert the file: iconv -f WINDOWS-1252 -t UTF-8, or from whatever encoding it has"
    return DataError(f"byte {error.start + 1}, 0x{byte:02X}, is not UTF-8", where=where, hint=hint)
