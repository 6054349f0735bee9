"""Parts by name: tables of "module:Name", imported when asked for and not before."""

import importlib
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from regard.errors import ConfigError


def load_object(path: str) -> Any:
    """Import what "module:Name" names."""
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)


class Registry(Mapping[str, Any]):
    """Look-up by name in a table of "module:Name" rows.

    `group` is what error messages call the table. With `plugins` a name that is not in the table is sought
    among the entry points `regard.<group>` of installed packages.
    """

    def __init__(self, group: str, table: Mapping[str, str], *, plugins: bool = False) -> None:
        self.group, self.table, self.plugins = group, dict(table), plugins

    def __getitem__(self, name: str) -> Any:
        """Return the part called `name`.

        Raises ConfigError with the nearest names if there is none.
        """
        if name in self.table:
            return load_object(self.table[name])
        if self.plugins:
            from importlib.metadata import entry_points

            for entry in entry_points(group=f"regard.{self.group}", name=name):
                return entry.load()
        close = get_close_matches(str(name), self.table, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known here: {', '.join(sorted(self.table))}"
        raise ConfigError(f"unknown {self.group} {name!r}", hint=hint)

    def __iter__(self) -> Iterator[str]:
        return iter(self.table)

    def __len__(self) -> int:
        return len(self.table)
