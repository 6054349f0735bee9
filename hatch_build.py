"""Build hook of the package: the one place where compiled or generated files join a wheel or an editable install."""

import sysconfig
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class RegardBuildHook(BuildHookInterface[Any]):
    """Compiles the native library and builds the page.

    Where the library cannot be compiled, the package is installed without it and says so. A package without its page is
    not made: only an editable install goes on, as its page can be built later.
    """

    def dependencies(self) -> list[str]:
        """Ask for a compiler from the package index where the system has none."""
        return [] if self._native().compiler() else ["ziglang>=0.13"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build both beside their Python modules, which is where an editable install looks for them."""
        if warning := self._part("web/build.py").for_package(editable=version == "editable"):
            self.app.display_warning(warning)
        if self.target_name != "wheel":
            return
        native = self._native()
        try:
            library = native.build()
        except native.BuildError as error:
            self.app.display_warning(f"regard is installed without its native library, and slower: {error}")
            return
        build_data["artifacts"].append(str(library.relative_to(self.root)))
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"

    def _native(self) -> ModuleType:
        return self._part("src/regard/native/build.py")

    def _part(self, path: str) -> ModuleType:
        """Load a module that builds; the package around it is not installed yet."""
        spec = spec_from_file_location("regard_build_part", Path(self.root) / path)
        assert spec
        assert spec.loader
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
