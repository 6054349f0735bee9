"""Files and folders that are there whole or not at all, whatever happens while they are written.

A file is written beside its place, flushed to disk and renamed. A folder is written beside its place under a name with
`.new`; replacing one that exists takes two renames, and `settle` finishes the second if the first was the last thing
that happened.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from regard.errors import CheckpointError, writing


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file atomically.

    Raises ResourceError if the disk is full, DataError if the place cannot be written.
    """
    with _replacing(path) as beside:
        beside.write_bytes(content)


def write_text(path: Path, content: str) -> None:
    """Write a text file atomically, as UTF-8."""
    write_bytes(path, content.encode("utf-8"))


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file atomically, readable and with a stable order."""
    write_text(path, json.dumps(value, ensure_ascii=False, indent=2) + "\n")


@contextmanager
def new_file(path: Path) -> Iterator[IO[str]]:
    """Yield a UTF-8 text file to write; at the end of the block it takes the place of `path`.

    If the block fails, `path` is as it was; only a device or a pipe is written straight away.
    Raises ResourceError if the disk is full, DataError if the place cannot be written.
    """
    if path.exists() and not path.is_file():
        with writing(path), path.open("w", encoding="utf-8", newline="\n") as file:
            yield file
        return
    with _replacing(path.resolve()) as beside, beside.open("w", encoding="utf-8", newline="\n") as file:
        yield file


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    beside = _beside(path, "new")
    with writing(path):
        try:
            yield beside
            _sync_file(beside)
            beside.replace(path)
            _sync_folder(path.parent)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises CheckpointError if it is missing or damaged.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not valid JSON"
        raise CheckpointError(f"cannot be read: {reason}", where=str(path), hint="take a whole copy") from None


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder to fill; at the end of the block it takes the place of `path`, with all it holds.

    If the block fails, `path` is as it was.
    """
    settle(path)
    beside = _beside(path, "new")
    with writing(path):
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(parents=True)
        try:
            yield beside
            for file in sorted(beside.rglob("*"), reverse=True):
                _sync_folder(file) if file.is_dir() else _sync_file(file)
            _sync_folder(beside)
        except BaseException:
            shutil.rmtree(beside, ignore_errors=True)
            raise
        old = _beside(path, "old")
        if path.exists():
            path.rename(old)
        beside.rename(path)
        _sync_folder(path.parent)
        shutil.rmtree(old, ignore_errors=True)


def inode(path: Path) -> int | None:
    """Return what tells a file or folder from another that takes its place; None if nothing is there."""
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return None


def is_free(path: Path) -> bool:
    """Tell whether nothing stands at a place, or but an empty folder."""
    return not path.exists() or (path.is_dir() and not any(path.iterdir()))


def standing(path: Path) -> Path:
    """Return a folder, or what stands for it between the two renames of its replacement; for those who only read."""
    old = _beside(path, "old")
    return old if old.exists() and not path.exists() else path


def settle(path: Path) -> None:
    """Bring back a folder whose replacement was interrupted between its two renames."""
    old = _beside(path, "old")
    if not old.exists():
        return
    if not path.exists():
        old.rename(path)
    else:
        shutil.rmtree(old, ignore_errors=True)


def _beside(path: Path, word: str) -> Path:
    path = path.absolute()  # "." alone has no name
    return path.parent / f".{path.name}.{word}"


def _sync_file(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _sync_folder(path: Path) -> None:
    with suppress(OSError):  # not every system can sync a folder
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
