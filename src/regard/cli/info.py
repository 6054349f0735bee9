"""regard info: describe a run or a model folder."""

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regard.config import to_mapping
from regard.files import read_json, standing

if TYPE_CHECKING:
    from regard.model_folder import ModelFolder
    from regard.run import Run

Values = dict[str, Any]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `regard info`."""
    parser.add_argument("run", metavar="RUN", help="folder of a run or of a model")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")


def run(args: argparse.Namespace) -> int:
    """Read the folder, every file of its model included, and tell what it holds; no torch is needed."""
    from regard.cli.tables import facts, show

    values = described(Path(args.run))
    if args.json:
        print(json.dumps(values, ensure_ascii=False))
    else:
        show([facts(rows(values))])
    return 0


def described(path: Path) -> Values:
    """Return all that a folder tells of itself, as plain values.

    Raises CheckpointError if it is no run and no model folder, or if a file of it is missing or damaged.
    """
    from regard.model_folder import ModelFolder
    from regard.run import Run

    path = standing(path)
    is_run = (path / "config.toml").is_file() and not (path / "manifest.json").is_file()
    values: Values = {"path": str(path), "kind": "run" if is_run else "model"}
    if is_run:
        values |= of_run(Run.open(path))
    if not is_run or has_model(path):
        values |= of_model(ModelFolder.open(path))
    files = {file.name: size(file) for file in sorted(path.iterdir())}
    return values | {"files": files, "bytes": sum(files.values())}


def has_model(run: Path) -> bool:
    """Tell whether a run has come so far as to keep a model."""
    return any(standing(run / name).exists() for name in ("best", "last"))


def of_run(run: "Run") -> Values:
    """Return what a run learns, how far it got, and what brings it to its end."""
    status, report = run.status(), read_json(run.path / "data_report.json")
    return {
        "status": status,
        "resume": None if status["state"] == "finished" else f"regard train --resume --out {run.path}",
        "task": named(run.config.task),
        "data": {name: report[name] for name in ("train", "valid", "lines") if name in report},
        "training": to_mapping(run.config.training),
    }


def of_model(folder: "ModelFolder") -> Values:
    """Return what a model is made of, and how big it is."""
    from regard.models.count import parameters_by_part, tensor_shapes, without_embeddings

    parts = parameters_by_part(tensor_shapes(folder.path / "model.safetensors"))
    settings, sides = folder.settings, folder.sides
    return {
        "folder": str(folder.path),
        "model": named(settings.model),
        "parameters": {"all": sum(parts.values()), "without_embeddings": without_embeddings(parts), **parts},
        "text": to_mapping(settings.text),
        "vocabulary": {"source": len(sides.source.vocabulary), "target": len(sides.target.vocabulary)},
        "decoding": named(settings.decoding),
    }


def named(config: Any) -> Values:
    """Return a config as plain values, with its kind."""
    return {"kind": config.kind} | to_mapping(config)


def size(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def rows(values: Values) -> Iterator[tuple[str, str]]:
    """Yield what is shown of the values, line by line, each with its name."""
    yield "run" if values["kind"] == "run" else "folder", values["path"]
    if values["kind"] == "run":
        yield from run_rows(values)
        yield "weights", values.get("folder", "none yet")
    if "model" in values:
        yield from model_rows(values)
    yield "files", ", ".join(f"{name} {megabytes(count)}" for name, count in values["files"].items())
    yield "size", megabytes(values["bytes"])
    if values.get("resume"):
        yield "go on", values["resume"]


def run_rows(values: Values) -> Iterator[tuple[str, str]]:
    """Yield what is shown of a run."""
    status, data = values["status"], values["data"]
    problem = f": {status['problem']}" if "problem" in status else ""
    yield "state", f"{status['state']}{problem}, step {status['step']:,} of {status['steps']:,}"
    if "best" in status:
        scores = [f"{name} {value:.4g}" for name, value in status["best"].items() if isinstance(value, float)]
        averaged = ", of averaged weights" if status["best"]["weights"] == "averaged" else ""
        yield "best", f"step {status['best_step']:,}: {', '.join(scores)}{averaged}"
    yield "task", in_words(values["task"])
    if "train" in data:
        yield "data", f"{data['train']:,} pairs to learn from, {data['valid']:,} held out"
    yield from (("", line) for line in data.get("lines", ()))
    yield "training", in_words(values["training"])


def model_rows(values: Values) -> Iterator[tuple[str, str]]:
    """Yield what is shown of a model."""
    counts, text = values["parameters"], values["text"]
    parts = ", ".join(f"{part} {count:,}" for part, count in list(counts.items())[2:] if count)
    yield "model", in_words(values["model"])
    yield "parameters", f"{counts['all']:,}, {counts['without_embeddings']:,} without embeddings ({parts})"
    for side, tokens in values["vocabulary"].items():
        owner = "shared by both sides" if text["shared"] else f"of the {side} alone"
        yield side, f"{tokens:,} tokens, {text[side]['kind']}, {owner}; at most {text[f'longest_{side}']:,} in a text"
    yield "decoding", in_words(values["decoding"])


def in_words(values: Mapping[str, Any]) -> str:
    """Return settings as "kind: name value, name value"; what is empty or off is left out."""
    said = {name: value for name, value in values.items() if name != "kind" and value not in ("", [], False)}
    words = ", ".join(f"{name} {_word(value)}" for name, value in said.items())
    return ": ".join(filter(None, (values.get("kind"), words)))


def _word(value: Any) -> str:
    if isinstance(value, Mapping):
        return str(value["kind"])
    return " ".join(map(str, value)) if isinstance(value, list) else "yes" if value is True else str(value)


def megabytes(count: int) -> str:
    """Write a number of bytes for people."""
    return f"{count / 1e6:,.1f} MB" if count >= 100_000 else f"{count / 1e3:,.1f} kB"
