"""Another search than the one a model folder names: single settings changed, the rest kept."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from regard.config import from_mapping, merge, to_mapping
from regard.decoding import SEARCHES
from regard.decoding.types import DecodingConfig
from regard.errors import ConfigError

Changes = Mapping[str, Any]
"""Settings by name, as in the [decoding] table of a config file; `kind` changes the way to search."""


def adjusted(config: DecodingConfig, changes: Changes) -> DecodingConfig:
    """Return `config` with `changes`; where they change its kind, it keeps what both kinds have.

    Raises ConfigError if a setting belongs to another kind of search, or if its value is impossible.
    """
    kind = changes.get("kind", config.kind)
    names = _names(kind)
    wanted = {name: value for name, value in changes.items() if name != "kind"}
    for name in wanted:
        if name not in names:
            others = [other for other in SEARCHES if name in _names(other)]
            hint = f"it goes with {' or '.join(others)}" if others else f"known here: {', '.join(names)}"
            raise ConfigError(f"has no meaning for {kind} search", where=name, hint=hint)
    kept = {name: value for name, value in to_mapping(config).items() if name in names}
    return from_mapping(SEARCHES[kind], merge(kept, wanted))


def _names(kind: str) -> list[str]:
    return [field.name for field in fields(SEARCHES[kind])]
