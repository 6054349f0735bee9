"""Plain values to frozen config dataclasses and back. Nothing is ignored and nothing is guessed.

A field that may hold variants is annotated with the variants' base class and made by `variant(REGISTRY, default)`.
Its table in TOML has a `kind`, which picks the dataclass; the other keys of the table are that dataclass's, and only
those. Where a variant has no other keys, the bare name will do: `positions = "rotary"`.
"""

import tomllib
import types
from collections.abc import Mapping
from dataclasses import MISSING, field, fields, is_dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from regard.errors import ConfigError
from regard.registry import Registry

T = TypeVar("T")
Values = dict[str, Any]


def variant(registry: Registry, default: Any = MISSING) -> Any:
    """Declare a dataclass field whose value is one of the registry's config dataclasses."""
    return field(default=default, metadata={"registry": registry})


def at_least(config: Any, least: int | float, *names: str) -> None:
    """Refuse fields of a config that are below a bound.

    Raises ConfigError naming the field.
    """
    for name in names:
        if not getattr(config, name) >= least:
            hint = f"give at least {least}"
            raise ConfigError(f"{getattr(config, name)} is below {least}", where=name, hint=hint)


def between(config: Any, low: int | float, high: int | float, *names: str) -> None:
    """Refuse fields of a config that are outside of bounds; the bounds themselves are allowed.

    Raises ConfigError naming the field.
    """
    for name in names:
        if not low <= getattr(config, name) <= high:
            problem = f"{getattr(config, name)} is not within {low} to {high}"
            raise ConfigError(problem, where=name, hint="give a number between them")


def seed(config: Any, name: str = "seed") -> None:
    """Refuse what no generator of random numbers takes.

    Raises ConfigError naming the field.
    """
    between(config, 0, 2**63 - 1, name)


def shares(config: Any, *names: str) -> None:
    """Refuse fields of a config that are not within 0 to 1, or are 1 itself.

    Raises ConfigError naming the field.
    """
    for name in names:
        if not 0.0 <= getattr(config, name) < 1.0:
            raise ConfigError(f"{getattr(config, name)} is not within 0 to 1", where=name, hint="0 turns it off")


def from_mapping(cls: type[T], values: Mapping[str, Any], where: str = "") -> T:
    """Build the config dataclass `cls` from `values`, and its nested ones likewise.

    Raises ConfigError, naming the full path, on an unknown key, a value of the wrong type or a missing key.
    """
    known = {f.name: f for f in fields(cls)}  # type: ignore[arg-type]
    prefix = f"{where}." if where else ""
    for key in values:
        if key not in known:
            close = get_close_matches(str(key), known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"known here: {', '.join(known) or 'nothing'}"
            raise ConfigError("unknown setting", where=f"{prefix}{key}", hint=hint)
    for key, f in known.items():
        if key not in values and f.default is MISSING and f.default_factory is MISSING:
            raise ConfigError("missing setting", where=f"{prefix}{key}", hint="give it a value")
    built = {key: _value(known[key], value, prefix + key) for key, value in values.items()}
    try:
        return cls(**built)
    except ConfigError as error:
        raise error.within(where) from None


def _value(f: Any, value: Any, path: str) -> Any:
    registry: Registry | None = f.metadata.get("registry")
    if registry is None:
        return checked(f.type, value, path)
    if isinstance(value, str):
        value = {"kind": value}
    if not isinstance(value, Mapping):
        raise ConfigError(f"expected a table with a kind, got {value!r}", where=path, hint=_kinds(registry))
    if "kind" not in value:
        raise ConfigError("missing setting", where=f"{path}.kind", hint=_kinds(registry))
    try:
        cls = registry[str(value["kind"])]
    except ConfigError as error:
        raise error.within(f"{path}.kind") from None
    return from_mapping(cls, {k: v for k, v in value.items() if k != "kind"}, path)


def _kinds(registry: Registry) -> str:
    return f"kinds: {', '.join(registry)}"


def checked(kind: Any, value: Any, path: str) -> Any:
    """Return `value` as `kind`, or raise ConfigError; the only change ever made is int to float and list to tuple."""
    origin, args = get_origin(kind), get_args(kind)
    if is_dataclass(kind) and isinstance(value, Mapping):
        return from_mapping(kind, value, path)  # type: ignore[arg-type]
    if origin in (types.UnionType, Union):
        return _one_of(args, value, path)
    if origin is Literal:
        if value in args:
            return value
        close = get_close_matches(str(value), [str(a) for a in args], n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"one of {', '.join(map(str, args))}"
        raise ConfigError(f"unknown value {value!r}", where=path, hint=hint)
    if origin is tuple:
        if not isinstance(value, list | tuple):
            hint = f"such as [{_EXAMPLES.get(args[0], '...')}]"
            raise ConfigError(f"expected a list, got {value!r}", where=path, hint=hint)
        return tuple(checked(args[0], item, f"{path}[{i}]") for i, item in enumerate(value))
    if kind is float and type(value) is int:
        return float(value)
    if isinstance(kind, type) and type(value) is not kind:
        raise ConfigError(f"expected {_name(kind)}, got {value!r}", where=path, hint=_such_as(kind))
    return value


def _one_of(kinds: tuple[Any, ...], value: Any, path: str) -> Any:
    if value is None and type(None) in kinds:
        return None
    wanted = [k for k in kinds if k is not type(None)]
    for kind in wanted:
        try:
            return checked(kind, value, path)
        except ConfigError:
            if len(wanted) == 1:
                raise
    hint = _such_as(wanted[0])
    raise ConfigError(f"expected {' or '.join(map(_name, wanted))}, got {value!r}", where=path, hint=hint)


_EXAMPLES = {int: "4", float: "0.1", str: '"word"', bool: "true"}


def _such_as(kind: Any) -> str:
    if is_dataclass(kind):
        return f"settings: {', '.join(f.name for f in fields(kind))}"
    return f"such as {_EXAMPLES.get(kind, '...')}"


def _name(kind: Any) -> str:
    if is_dataclass(kind):
        return "a table"
    words = {int: "a whole number", float: "a number", str: "a text in quotes", bool: "true or false"}
    return words.get(kind, getattr(kind, "__name__", str(kind)))


def to_mapping(config: Any) -> Values:
    """Return the config as plain values, defaults included, so that `from_mapping` gives it back; no None."""
    values: Values = {}
    for f in fields(config):
        value = getattr(config, f.name)
        if is_dataclass(value):
            kind = {"kind": value.kind} if "registry" in f.metadata else {}  # type: ignore[union-attr]
            values[f.name] = kind | to_mapping(value)
        elif isinstance(value, tuple):
            values[f.name] = list(value)
        elif value is not None:
            values[f.name] = value
    return values


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> Values:
    """Lay `over` upon `base`, table by table; a table that changes its kind starts afresh."""
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        if isinstance(value, Mapping) and isinstance(below, str):
            below = {"kind": below}
        if isinstance(value, Mapping) and isinstance(below, Mapping) and _same_kind(below, value):
            merged[key] = merge(below, value)
        else:
            merged[key] = dict(value) if isinstance(value, Mapping) else value
    return merged


def _same_kind(below: Mapping[str, Any], value: Mapping[str, Any]) -> bool:
    return "kind" not in value or value["kind"] == below.get("kind", value["kind"])


def parse_setting(text: str) -> Values:
    """Return `a.b=value` of `--set` as nested values; the value is read as TOML, else taken as a text.

    Raises ConfigError if there is no `=` or a part of the path is empty.
    """
    path, equals, written = text.partition("=")
    keys = [key.strip() for key in path.split(".")]
    if not equals or not all(keys):
        raise ConfigError(f"expected path=value, got {text!r}", where="--set", hint="such as model.d_model=256")
    try:
        value = tomllib.loads(f"value = {written.strip()}")["value"]
    except tomllib.TOMLDecodeError:
        value = written.strip()
    for key in reversed(keys):
        value = {key: value}
    return value


def read_toml(path: str | Path) -> Values:
    """Read a TOML file.

    Raises ConfigError, with the line, if it is missing or not TOML.
    """
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        hint = "check the path"
        raise ConfigError(f"cannot be read: {error.strerror}", where=str(path), hint=hint) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"is not TOML: {error}", where=str(path), hint="texts need quotes") from None
