"""Build hook of the package: the one place where compiled or generated files join a wheel or an editable install."""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class RegardBuildHook(BuildHookInterface[Any]):
    """Pure Python today, so there is nothing to add; platform files are declared in `initialize`."""
