"""Which way imports point, and the habits of the code that a machine can check."""

import ast
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "regard"

EVERYONE = {"errors", "registry", "config", "files", "regard.__version__"}
BELOW_EXPERIMENT = {
    *("text", "metrics", "data", "tasks", "layers", "models", "decoding", "model_folder"),
    *("evaluation", "training", "inference", "inspection", "report"),
}
MAY_IMPORT = {  # the longest row that names a file holds for it; its own package is always allowed
    "errors": set(),
    "registry": set(),
    "config": set(),
    "files": set(),
    "text": set(),
    "metrics": set(),
    "native": set(),
    "layers": {"native", "text.vocabulary"},  # the reserved ids
    "data": {"text"},
    "tasks": {"data.clean", "data.pairs", "metrics", "text"},
    "models": {"data", "layers"},
    "decoding": {"data", "text.vocabulary"},  # the four reserved ids
    "model_folder": {"decoding.types", "models.base", "models.configs", "text"},
    "inference": {"decoding.types", "model_folder", "models.configs", "native", "text"},
    "inference.torch_engine": {"data", "decoding", "model_folder", "models", "text"},
    "inference.exported": {"interop", "model_folder"},
    "inference.ctranslate2_engine": {"decoding.types", "interop.ctranslate2", "model_folder", "text"},
    "inference.onnx_engine": {"interop.onnx", "model_folder"},
    "interop": {"data", "decoding", "inference", "layers", "model_folder", "models", "text"},
    "evaluation": {"data", "decoding", "inference", "metrics"},
    "training": {
        *("data", "decoding", "layers.kernels", "layers.noise", "metrics"),
        *("models.base", "model_folder", "native", "text"),
    },
    "inspection": {"data", "decoding", "inference", "layers", "metrics", "model_folder", "models", "text"},
    "report": {"evaluation", "inspection", "metrics"},
    "experiment": BELOW_EXPERIMENT,
    "run_state": {"training"},
    "origin": {"experiment", "model_folder"},
    "run": {*BELOW_EXPERIMENT, "experiment", "origin", "run_state"},
    "plan": {*BELOW_EXPERIMENT, "experiment", "origin", "run"},
    "conclusion": {*BELOW_EXPERIMENT, "experiment", "run"},
    "api": {*BELOW_EXPERIMENT, "conclusion", "experiment", "run", "plan"},
    "cli": {*BELOW_EXPERIMENT, "conclusion", "experiment", "interop", "native", "run", "plan"},
}

NEVER_TORCH = {
    "errors",
    "registry",
    "config",
    "native",
    "files",
    "text",
    "metrics",
    "tasks",
    "data.pairs",
    "data.clean",
    "data.check",
}
"""Not even inside a function."""

TORCH_LATER = NEVER_TORCH | {
    "",
    "cli",
    "conclusion",
    "decoding.types",
    "experiment",
    "inference",
    "model_folder",
    "models.configs",
    "origin",
    "plan",
    "run",
    "run_state",
}
"""Imported without torch, though what is called may bring it. The engine on torch is the exception."""

ONLY_IN = {  # optional or heavy packages -> the files that may import them
    "babel": "tasks/phrasebook",
    "matplotlib": "inspection/figure.py",
    "rouge_score": "metrics/rouge.py",
    "sacrebleu": "metrics/sacrebleu.py",
    "sentencepiece": "text/sentencepiece.py",
    "ctranslate2": "interop/ctranslate2",
    "onnx": "interop/onnx",
    "onnxruntime": "interop/onnx",
    "transformers": "interop/huggingface/compare.py",
    "sacremoses": "nothing",
}

IMPORTERS = ("import_extra", "import_module", "load_object")
LINES_AT_MOST = 400

FILES = sorted(SOURCE.rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))


def module_of(file: Path) -> str:
    """Return the module's name below regard: "layers.attention", "layers" for the package, "" for regard itself."""
    parts = file.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(file): file for file in FILES}


@cache
def tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def imports(file: Path, nodes: Iterator[ast.AST]) -> Iterator[str]:
    """Yield the full dotted name of everything that the nodes of `file` import, in whichever form."""
    package = ["regard", *file.relative_to(SOURCE).parts[:-1]]
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            start = ".".join([*base, *filter(None, [node.module])])
            yield from (f"{start}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and called(node) in IMPORTERS:
            yield from (str(word.value).replace(":", ".") for word in node.args[:1] if isinstance(word, ast.Constant))


def called(call: ast.Call) -> str:
    """Return the last part of the name of what is called."""
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def everywhere(file: Path) -> Iterator[ast.AST]:
    return ast.walk(tree(file))


def at_import(file: Path) -> Iterator[ast.AST]:
    """Yield the nodes that run when the module is imported: not those in functions or for type checkers only."""
    waiting: list[ast.AST] = [tree(file)]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            waiting.extend(node.orelse)
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            waiting.extend(ast.iter_child_nodes(node))


def own(name: str) -> str | None:
    """Return which module of regard a dotted name stands for, or None if it lies outside; "" is the package itself."""
    first, _, rest = name.partition(".")
    if first != "regard":
        return None
    while rest and rest not in MODULES:
        rest = rest.rpartition(".")[0]
    return rest


def within(module: str, row: str) -> bool:
    return module == row or module.startswith(f"{row}.")


def row_of(module: str) -> str:
    return max((row for row in MAY_IMPORT if within(module, row)), key=len, default="")


def allowed(importer: str, name: str) -> bool:
    """Tell whether the table lets `importer` import what `name` stands for."""
    target = own(name)
    if target is None or name in EVERYONE:
        return True
    rows = {*MAY_IMPORT[row_of(importer)], *EVERYONE, importer.partition(".")[0]}
    is_parent = any(row.startswith(f"{target}.") for row in rows)  # whose table of names is imported with it
    return target != "" and (is_parent or any(within(target, row) for row in rows))


@pytest.mark.parametrize("module", sorted(MODULES.keys() - {"", "__main__"}))
def test_imports_point_down(module: str) -> None:
    assert row_of(module), "give the package a row in MAY_IMPORT"
    file = MODULES[module]
    wrong = sorted({name for name in imports(file, everywhere(file)) if not allowed(module, name)})
    assert not wrong, f"{module} may not import {wrong}"


@pytest.mark.parametrize("row", MAY_IMPORT)
def test_every_row_of_the_table_is_about_something(row: str) -> None:
    assert row in MODULES, f"{row}: no such module"
    assert MAY_IMPORT[row] <= MODULES.keys(), "a package that it may import does not exist"


def brings_torch(name: str) -> bool:
    return within(name, "torch") or within(name, "safetensors.torch")


@pytest.mark.parametrize("module", sorted(m for m in MODULES if any(within(m, row) for row in NEVER_TORCH)))
def test_these_never_import_torch(module: str) -> None:
    assert not list(filter(brings_torch, imports(MODULES[module], everywhere(MODULES[module]))))


@cache
def road_to_torch(module: str, seen: frozenset[str] = frozenset()) -> str:
    """Return the chain of imports by which importing `module` brings torch, or "" if it does not."""
    file = MODULES[module]
    names = list(imports(file, at_import(file)))
    if any(map(brings_torch, names)):
        return module
    targets = {target for name in names if (target := own(name)) is not None}
    parents = {part for target in {*targets, module} for part in ancestors(target)} & MODULES.keys()
    for target in sorted((targets | parents) - seen - {module}):
        if road := road_to_torch(target, seen | {module}):
            return f"{module} -> {road}"
    return ""


def ancestors(module: str) -> Iterator[str]:
    yield from (module[:i] for i, letter in enumerate(module) if letter == ".")


def imported_without_torch(module: str) -> bool:
    if module in ("inference.torch_engine", "inference.onnx_engine"):
        return False
    return module == "" or any(within(module, row) for row in TORCH_LATER if row)


@pytest.mark.parametrize("module", sorted(filter(imported_without_torch, MODULES)))
def test_these_are_imported_without_torch(module: str) -> None:
    assert not road_to_torch(module)


@pytest.mark.parametrize("package", ONLY_IN)
def test_optional_packages_have_one_door(package: str) -> None:
    doors = {
        str(file.relative_to(SOURCE))
        for file in FILES
        if any(within(name, package) for name in imports(file, everywhere(file)))
    }
    assert all(door.startswith(ONLY_IN[package]) for door in doors), doors


@pytest.mark.parametrize("file", [*FILES, *TESTS], ids=lambda file: str(file.relative_to(ROOT)))
def test_no_file_is_too_long(file: Path) -> None:
    assert len(file.read_text(encoding="utf-8").splitlines()) <= LINES_AT_MOST, "is there a second idea in it?"


def switches_shape_checks_off(file: Path, node: ast.AST) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == "__future__" and node.names[0].name == "annotations"


UNSAFE = ("pickle", "_pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve", "torch.load", "torch.save")


def unpickles(file: Path, node: ast.AST) -> bool:
    if isinstance(node, ast.Import | ast.ImportFrom):
        return any(within(name, unsafe) for name in imports(file, iter([node])) for unsafe in UNSAFE)
    return isinstance(node, ast.Call) and ast.unparse(node.func) in UNSAFE


def prints(file: Path, node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and called(node) == "print" and file.parent.name != "cli"


def passes_anything(file: Path, node: ast.AST) -> bool:
    return isinstance(node, ast.arguments) and node.kwarg is not None


HABITS = [switches_shape_checks_off, unpickles, prints, passes_anything]


@pytest.mark.parametrize("breaks", HABITS, ids=lambda habit: habit.__name__)
def test_habits(breaks: Callable[[Path, ast.AST], bool]) -> None:
    places = [
        f"{file.relative_to(ROOT)}:{getattr(node, 'lineno', '?')}"
        for file in FILES
        for node in everywhere(file)
        if breaks(file, node)
    ]
    assert not places


@pytest.mark.parametrize("file", TESTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_tests_keep_the_shape_checks_on(file: Path) -> None:
    assert not any(switches_shape_checks_off(file, node) for node in everywhere(file))


@pytest.mark.parametrize("name", ["utils", "helpers", "common", "misc"])
def test_modules_are_named_for_what_they_hold(name: str) -> None:
    assert not [file for file in FILES if file.stem == name]


def modules_after(arguments: list[str], cwd: Path) -> set[str]:
    """Run the command line in a process of its own; return the top-level packages that it has imported."""
    code = (
        "import sys; from regard.cli.main import main; code = main(sys.argv[1:]); print(*sys.modules); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], cwd=cwd, capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in done.stdout.splitlines()[-1].split()}


def test_help_needs_neither_torch_nor_numpy(tmp_path: Path) -> None:
    assert not {"torch", "numpy", "rich", "sacrebleu"} & modules_after(["--help"], tmp_path)


def test_checking_pairs_needs_no_torch(tmp_path: Path) -> None:
    (tmp_path / "pairs.tsv").write_text("one\teins\ntwo\tzwei\nthree\tdrei\n", encoding="utf-8")
    assert "torch" not in modules_after(["check", "pairs.tsv"], tmp_path)
