"""Attention over training time: a few held-out pairs are looked into at every validation.

probes/probes.json             the tokens of each pair
probes/00000725.safetensors    the weights of all heads at step 725: a byte for each, 255 · √weight, fine near zero

Each pair is read with its reference, so that all steps have the same rows and columns.

Axes    H heads · Q query positions · K key positions
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from regard.files import read_json, write_bytes, write_json
from regard.inference.engine import Tokens
from regard.inspection.heads import KINDS, Kind
from regard.inspection.subject import Subject
from regard.inspection.trace import AttentionTrace, trace_subject
from regard.models.base import Seq2SeqModel
from regard.text.sides import Sides

LONGEST = 64
"""Tokens of a probe, on either side: all heads of 6 layers of 8 then take at most 600 kB a step."""


@dataclass(frozen=True, slots=True)
class Probes:
    """Pairs that are looked into again and again, and the folder that keeps what was seen."""

    folder: Path
    sides: Sides
    pairs: Sequence[tuple[Tokens, Tokens]]

    def record(self, model: Seq2SeqModel, step: int) -> None:
        """Keep the attention of a model that is not training."""
        from safetensors.torch import save

        traces = [trace_subject(Subject(model, self.sides), *pair) for pair in self.pairs]
        self.folder.mkdir(exist_ok=True)
        if not (self.folder / "probes.json").exists():
            write_json(self.folder / "probes.json", [_tokens(trace) for trace in traces])
        tensors = {
            f"{number}/{kind}/{layer}": to_bytes(weights)
            for number, trace in enumerate(traces)
            for kind, layers in trace.layers.items()
            for layer, weights in enumerate(layers)
        }
        write_bytes(self.folder / f"{step:08d}.safetensors", save(tensors))

    def rewind(self, step: int) -> None:
        """Drop what was seen after `step`: a resumed training sees it again."""
        for later in _steps(self.folder):
            if later > step:
                _file(self.folder, later).unlink()


def read_probes(run: Path) -> Iterator[tuple[int, list[AttentionTrace]]]:
    """Yield the steps at which a run was looked into, in order, each with a trace for every probe.

    Raises CheckpointError if files are damaged.
    """
    from safetensors.torch import load_file

    folder = run / "probes"
    for step in _steps(folder):
        tensors = load_file(_file(folder, step))
        yield step, [_trace(values, number, tensors) for number, values in enumerate(read_json(folder / "probes.json"))]


def to_bytes(weights: Float[Tensor, "H Q K"]) -> UInt8[Tensor, "H Q K"]:
    """Return weights as bytes: the root spreads small weights apart."""
    return (weights.float().clamp(0, 1).sqrt() * 255).round().to(torch.uint8).contiguous()


def from_bytes(kept: UInt8[Tensor, "H Q K"]) -> Float[Tensor, "H Q K"]:
    """Return the weights that bytes stand for: off by 1/255 at most."""
    return (kept.float() / 255).square()


def _tokens(trace: AttentionTrace) -> dict[str, list[str]]:
    return {name: list(getattr(trace, name)) for name in ("source", "target_in", "target_out")}


def _trace(values: Mapping[str, Sequence[str]], number: int, tensors: Mapping[str, Tensor]) -> AttentionTrace:
    layers: dict[Kind, list[Tensor]] = {kind: [] for kind in KINDS}
    for kind, found in layers.items():
        while (name := f"{number}/{kind}/{len(found)}") in tensors:
            found.append(from_bytes(tensors[name]))
    source, target_in, target_out = (tuple(values[name]) for name in ("source", "target_in", "target_out"))
    return AttentionTrace(source, target_in, target_out, layers)


def _steps(folder: Path) -> list[int]:
    return sorted(int(file.stem) for file in folder.glob("*.safetensors") if file.stem.isdecimal())


def _file(folder: Path, step: int) -> Path:
    return folder / f"{step:08d}.safetensors"
