"""Pairs of texts, and the files that they are read from and written to."""

import gzip
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regard.data.lines import read_lines
from regard.data.shift import find_shift
from regard.errors import ConfigError, DataError
from regard.files import write_bytes

JSON_KINDS = {
    dict: "an object",
    list: "a list",
    str: "a text",
    int: "a number",
    float: "a number",
    bool: "true or false",
}


@dataclass(frozen=True, slots=True)
class Pair:
    """A source text and what it should become."""

    source: str
    target: str
    others: tuple[str, ...] = ()  # further references
    line: int = 0  # where the pair was read, from 1; 0 if it comes from no file


@dataclass(frozen=True, slots=True)
class PairFiles:
    """Where pairs stand: in one file (`path`), TSV or JSON lines, or in two that match line by line."""

    path: str | None = None  # JSON lines if its name ends in .jsonl, .ndjson or .json, or `fields` are given; else TSV
    source: str | None = None
    target: str | None = None
    columns: tuple[int, ...] = ()  # TSV: which columns are source and target, from 1; without them there are but two
    fields: tuple[str, ...] = ()  # JSON lines: what source and target are called, if not "source" and "target"

    def __post_init__(self) -> None:
        """Refuse what does not say where both sides are."""
        if (self.path is None) == (self.source is None and self.target is None):
            hint = "name one file with pairs, or one of sources and one of targets"
            raise ConfigError("no files" if self.path is None else "too many files", where="pairs", hint=hint)
        if (self.source is None) != (self.target is None):
            missing = "target" if self.target is None else "source"
            raise ConfigError("missing", where=missing, hint="two files match line by line: name both")
        if self.columns and (len(self.columns) != 2 or min(self.columns) < 1):
            raise ConfigError("expected two numbers from 1", where="columns", hint="such as 2,3: source, target")
        if self.fields and len(self.fields) != 2:
            raise ConfigError("expected two names", where="fields", hint="such as body,subject: source, target")
        if self.columns and (self.path is None or self.is_json):
            raise ConfigError("only a TSV has columns", where="columns", hint="leave it out")
        if self.fields and self.path is None:
            raise ConfigError("only JSON lines have fields", where="fields", hint="leave it out")

    def __str__(self) -> str:
        return self.path or f"{self.source} + {self.target}"

    @property
    def is_json(self) -> bool:
        """True if the pairs stand in one file of JSON lines."""
        return self.path is not None and (bool(self.fields) or _names_json(self.path))


def read_pairs(files: PairFiles) -> list[Pair]:
    """Return the pairs, one for each line; a blank line is a pair of empty texts, an empty reference among others none.

    Raises DataError, at path:line, for whatever cannot be understood, and if there is not one line.
    """
    pairs = list(_two_files(files) if files.path is None else _json(files) if files.is_json else _tsv(files))
    if not pairs:
        raise DataError("is empty", where=str(files), hint="it needs a pair of texts in every line")
    return pairs


def _two_files(files: PairFiles) -> Iterator[Pair]:
    assert files.source is not None
    assert files.target is not None
    sources, targets = list(read_lines(files.source)), list(read_lines(files.target))
    if len(sources) != len(targets):
        raise _unequal(files.source, sources, files.target, targets)
    for line, (source, target) in enumerate(zip(sources, targets, strict=True), start=1):
        yield Pair(source, target, line=line)


def _unequal(source: str, sources: Sequence[str], target: str, targets: Sequence[str]) -> DataError:
    """Return the error for sides of unequal length, with the first place where they stop matching."""
    problem = f"{len(sources):,} lines in {source} but {len(targets):,} in {target}"
    longer, texts = (source, sources) if len(sources) > len(targets) else (target, targets)
    common = min(len(sources), len(targets))
    if not common:
        return DataError("is empty", where=target if sources else source, hint=f"{problem}; both need the same number")
    shift = find_shift(sources, targets)
    if shift is None or shift.line > common:
        problem += f"; the first without a counterpart is {_shown(texts[common])}"
        hint = "no earlier place was found where they stop matching: lines may be missing at the end"
        return DataError(problem, where=f"{longer}:{common + 1}", hint=hint)
    here = f"{_shown(sources[shift.line - 1])} against {_shown(targets[shift.line - 1])}"
    problem += f"; they stop matching at about line {shift.line:,}: {here}"
    hint = f"compare lines {max(1, shift.line - 3)} to {shift.line + 3} of both files and add or delete what one lacks"
    return DataError(problem, where=f"{longer}:{shift.line}", hint=hint)


def _shown(text: str) -> str:
    return f'"{text}"' if len(text) <= 40 else f'"{text[:39]}…"'


def _tsv(files: PairFiles) -> Iterator[Pair]:
    assert files.path is not None
    source, target = (column - 1 for column in files.columns or (1, 2))
    needed = max(source, target) + 1
    for line, text in enumerate(read_lines(files.path), start=1):
        cells = text.split("\t")
        if len(cells) == 2 if not files.columns else len(cells) >= needed:
            yield Pair(cells[source], cells[target], line=line)
        elif not text.strip():
            yield Pair("", "", line=line)
        else:
            raise _wrong_columns(files, len(cells), text, f"{files.path}:{line}")


def _wrong_columns(files: PairFiles, found: int, text: str, where: str) -> DataError:
    columns = f"{found} column" + "s" * (found != 1)
    if files.columns:
        hint = "columns are separated by one tab each"
        return DataError(f"{columns} where column {max(files.columns)} is asked for", where=where, hint=hint)
    if found > 2:
        hint = "say which two: --columns 2,3 takes the second as source and the third as target"
    elif text.startswith(("{", "[")):
        hint = "JSON lines need a name that ends in .jsonl, or --fields source,target"
    else:
        hint = "a source, a tab, a target; for two files use --source and --target"
    return DataError(f"{columns} where 2 are needed", where=where, hint=hint)


def _json(files: PairFiles) -> Iterator[Pair]:
    assert files.path is not None
    fields = files.fields or ("source", "target")
    for line, text in enumerate(read_lines(files.path), start=1):
        if not text.strip():
            yield Pair("", "", line=line)
            continue
        try:
            source, targets = _record(json.loads(text), fields)
            if "\\u" in text:  # may be half of a surrogate pair, which no file can hold
                "".join((source, *targets)).encode()
        except json.JSONDecodeError as error:
            hint = 'each line holds one object, such as {"source": "...", "target": "..."}'
            problem = f"is not JSON at character {error.pos + 1}: {error.msg}"
            raise DataError(problem, where=f"{files.path}:{line}", hint=hint) from None
        except UnicodeEncodeError:
            hint = "write characters as they are, or both halves"
            raise DataError("half of a surrogate pair", where=f"{files.path}:{line}", hint=hint) from None
        except (ValueError, RecursionError) as error:
            if isinstance(error, DataError):
                raise error.within(f"{files.path}:{line}") from None
            problem, hint = "is not JSON that can be read", "a number is too long or lists are nested too deep"
            raise DataError(problem, where=f"{files.path}:{line}", hint=hint) from None
        yield Pair(source, targets[0], tuple(targets[1:]), line)


def _record(record: Any, fields: tuple[str, ...]) -> tuple[str, list[str]]:
    """Return the source and the targets of a line, or raise DataError without its place."""
    if not isinstance(record, dict):
        raise DataError(f"{_kind(record)} where an object is needed", hint=f'such as {{"{fields[0]}": "..."}}')
    for field in fields:
        if field not in record:
            hint = f"it has {', '.join(map(str, record)) or 'none'}; choose two with --fields SOURCE,TARGET"
            raise DataError(f"no field {field!r}", hint=hint)
    source, target = (record[field] for field in fields)
    if not isinstance(source, str):
        raise DataError(f"{fields[0]!r} is {_kind(source)} where a text is needed", hint="put it in quotes")
    targets = target if isinstance(target, list) else [target]
    if not targets:
        raise DataError(f"{fields[1]!r} is an empty list", hint="it needs at least one text")
    for text in targets:
        if not isinstance(text, str):
            hint = "put it in quotes; a list of texts holds several references"
            raise DataError(f"{fields[1]!r} holds {_kind(text)} where a text is needed", hint=hint)
    return source, [text for text in targets if text.strip()] or targets[:1]


def _kind(value: Any) -> str:
    return JSON_KINDS.get(type(value), "null")


def write_pairs(path: str, pairs: Iterable[Pair]) -> None:
    """Write a file that `read_pairs` reads back: JSON lines or TSV, gzip or plain, as its name says; atomically.

    Raises DataError if a TSV cannot hold a text, or the place cannot be written; ResourceError if the disk is full.
    """
    line = _json_line if _names_json(path) else _tsv_line
    content = "".join(f"{line(pair, f'{path}:{number}')}\n" for number, pair in enumerate(pairs, start=1)).encode()
    write_bytes(Path(path), gzip.compress(content, mtime=0) if path.endswith(".gz") else content)


def fits_tsv(pair: Pair) -> bool:
    """Tell whether TSV can hold the pair: one target, and no tab or line end in a text."""
    return not pair.others and not any(mark in text for text in (pair.source, pair.target) for mark in "\t\n\r\ufeff")


def _tsv_line(pair: Pair, where: str) -> str:
    if not fits_tsv(pair):
        problem = "a TSV cannot hold several targets, nor a text with a tab or a line end"
        raise DataError(problem, where=where, hint="give the file a name that ends in .jsonl")
    return f"{pair.source}\t{pair.target}"


def _json_line(pair: Pair, where: str) -> str:
    target = [pair.target, *pair.others] if pair.others else pair.target
    return json.dumps({"source": pair.source, "target": target}, ensure_ascii=False)


def _names_json(path: str) -> bool:
    return path.removesuffix(".gz").endswith((".jsonl", ".ndjson", ".json"))
