"""Exported graphs at work: a model that can be stepped, so that our own search runs over it. The door to the library.

Axes    B sentences · R rows (hypotheses) · T target positions · V vocabulary
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from regard.data.batch import Batch, PaddedTokens
from regard.errors import CheckpointError, import_extra
from regard.interop.onnx.graphs import SOURCE, STEP


@dataclass(frozen=True, slots=True)
class OnnxState:
    """What the step's graph reads besides tokens, by name; `sentences` tells which source each row belongs to."""

    sources: dict[str, Tensor]
    pasts: dict[str, Tensor]
    sentences: Int[Tensor, " R"]

    def select(self, rows: Int[Tensor, " R"]) -> "OnnxState":
        """Return the state of the given rows; the source is copied only if rows change their sentence."""
        pasts, sentences = _selected(self.pasts, rows), self.sentences[rows]
        if torch.equal(sentences, self.sentences):
            return replace(self, pasts=pasts)
        return OnnxState(_selected(self.sources, rows), pasts, sentences)


def _selected(tensors: dict[str, Tensor], rows: Int[Tensor, " R"]) -> dict[str, Tensor]:
    return {name: tensor.index_select(0, rows) for name, tensor in tensors.items()}


class OnnxModel:
    """Both graphs of an exported model: a `regard.decoding.protocol.StepModel`."""

    def __init__(self, path: Path, *, threads: int | None = None) -> None:
        """Load the graphs in a folder, to be run by so many threads, by default one per core.

        Raises CheckpointError if they cannot be read, MissingExtraError.
        """
        library = import_extra("onnxruntime", "onnx")
        options = library.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = threads or 0, 3
        providers = ["CPUExecutionProvider"]
        try:
            self._source, self._step = (
                library.InferenceSession(str(path / name), options, providers=providers) for name in (SOURCE, STEP)
            )
        except Exception as error:  # the library's own, of several kinds
            problem = f"cannot be read: {' '.join(str(error).split())[:300]}"
            raise CheckpointError(problem, where=str(path), hint="export the model again") from None
        self._reads = [(each.name, each.shape) for each in self._step.get_inputs()]

    def encode(self, source: PaddedTokens) -> dict[str, Tensor]:
        """Read the sources and return what a step needs of them, by name."""
        given = {"ids": source.ids, "lengths": source.lengths}
        written = _run(self._source, given)
        needed = {name for name, _ in self._reads}
        return {name: tensor for name, tensor in (given | written).items() if name in needed}

    def init_state(self, memory: dict[str, Tensor]) -> OnnxState:
        """Return the state before the first token, a row per source."""
        rows = len(memory["mask"])
        pasts = {name: torch.zeros(rows, s[1], 0, s[3]) for name, s in self._reads if name.startswith("past_")}
        return OnnxState(memory, pasts, torch.arange(rows))

    def step(self, tokens: Int[Tensor, " R"], state: OnnxState) -> tuple[Float[Tensor, "R V"], OnnxState]:
        """Feed a token per row; return the logits of the next token, and the next state."""
        written = _run(self._step, {"tokens": tokens} | state.sources | state.pasts)
        logits = written.pop("logits")
        return logits, replace(state, pasts={name.replace("present", "past"): t for name, t in written.items()})

    def __call__(self, batch: Batch) -> Float[Tensor, "B T V"]:
        """Return the logits of every next token, the target being known, a step for each."""
        state, steps = self.init_state(self.encode(batch.source)), []
        for tokens in batch.target_in.ids.unbind(1):
            logits, state = self.step(tokens, state)
            steps.append(logits)
        return torch.stack(steps, dim=1)


def _run(session: Any, given: dict[str, Tensor]) -> dict[str, Tensor]:
    called: Iterable[str] = [each.name for each in session.get_outputs()]
    arrays = session.run(None, {name: tensor.contiguous().numpy() for name, tensor in given.items()})
    return {name: torch.from_numpy(array) for name, array in zip(called, arrays, strict=True)}
