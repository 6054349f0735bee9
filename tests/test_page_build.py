"""What the build hook does about the page, with npm and without."""

import json
import os
import shutil
import sys
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from tests.pages import ROOT


def loaded(file: Path) -> ModuleType:
    spec = spec_from_file_location(file.stem, file)
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module that builds, in a tree without a page and without npm."""
    module = loaded(ROOT / "web" / "build.py")
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "main.ts").write_text("", encoding="utf-8")
    monkeypatch.setattr(module, "WEB", tmp_path)
    monkeypatch.setattr(module, "PAGE", tmp_path / "page" / "index.html")
    monkeypatch.setattr(module.is_built, "__defaults__", (module.PAGE,))
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("REGARD_PAGE", raising=False)
    return module


def test_a_package_without_its_page_is_not_made(build: ModuleType) -> None:
    with pytest.raises(build.BuildError, match=r"there is none: install Node .* do without the page"):
        build.for_package(editable=False)


def test_an_editable_install_never_fails_for_want_of_npm(build: ModuleType) -> None:
    assert build.for_package(editable=True) == ""


def test_a_package_may_be_made_without_it_on_purpose(build: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGARD_PAGE", "off")
    assert "without its page" in build.for_package(editable=False)


def test_a_built_page_needs_no_npm(build: ModuleType, tmp_path: Path) -> None:
    build.PAGE.parent.mkdir()
    build.PAGE.write_text("built", encoding="utf-8")
    assert build.for_package(editable=False) == ""
    os.utime(build.PAGE, (0, 0))  # its sources are newer
    with pytest.raises(build.BuildError):
        build.for_package(editable=False)


def test_the_lock_names_no_host_to_fetch_from() -> None:
    packages = json.loads((ROOT / "web" / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    assert len(packages) > 10
    assert not [name for name, package in packages.items() if "resolved" in package]


def test_what_npm_said_is_shown(build: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npm = tmp_path / "bin" / "npm"
    npm.parent.mkdir()
    npm.write_text("#!/bin/sh\necho 'no lock file' >&2\nexit 1\n", encoding="utf-8")
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{npm.parent}:/bin")
    with pytest.raises(build.BuildError, match=r"(?s)npm ci.*no lock file"):
        build.build()


class Interface:
    """As much of hatchling's build hook as the hook of regard uses."""

    def __class_getitem__(cls, item: object) -> type:
        return cls

    def __init__(self, root: Path, target: str) -> None:
        self.root, self.target_name, self.warnings = str(root), target, list[str]()
        self.app = SimpleNamespace(display_warning=self.warnings.append)


@pytest.fixture
def hook(build: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """Return the hook of a target, in a tree without a page and without npm or a compiler."""
    name = "hatchling.builders.hooks.plugin.interface"
    monkeypatch.setitem(sys.modules, name, SimpleNamespace(BuildHookInterface=Interface))
    for part in ("web/build.py", "src/regard/native/build.py"):
        (tmp_path / part).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / part, tmp_path / part)
    (tmp_path / "web" / "src").mkdir()
    module = loaded(ROOT / "hatch_build.py")
    return lambda target: module.RegardBuildHook(tmp_path, target)


@pytest.mark.parametrize("target", ["sdist", "wheel"])
def test_the_hook_makes_no_package_without_its_page(hook: Callable[[str], Any], target: str) -> None:
    with pytest.raises(Exception, match="the page of regard is built with npm, and there is none"):
        hook(target).initialize("standard", {"artifacts": []})


def test_the_hook_lets_an_editable_install_go_on(hook: Callable[[str], Any]) -> None:
    made = hook("wheel")
    made.initialize("editable", {"artifacts": []})
    assert not any("page" in warning for warning in made.warnings)
