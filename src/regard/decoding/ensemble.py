"""Several models that decode as one.

Axes    R rows · V vocabulary
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from regard.data.batch import PaddedTokens
from regard.decoding.protocol import DecoderState, StepModel
from regard.errors import UnsupportedError


@dataclass(frozen=True, slots=True)
class EnsembleState:
    """The states of all models, row by row."""

    states: tuple[DecoderState, ...]

    def select(self, rows: Int[Tensor, " R"]) -> "EnsembleState":
        return EnsembleState(tuple(state.select(rows) for state in self.states))


class Ensemble:
    """A StepModel whose probabilities are the mean of its models'; their vocabularies must be the same.

    Raises UnsupportedError if there is no model or, at the first step, if the vocabularies differ in size.
    """

    def __init__(self, models: Sequence[StepModel[Any]]) -> None:
        if not models:
            raise UnsupportedError("there are no models in it", where="ensemble", hint="give at least one")
        self.models = tuple(models)

    def encode(self, source: PaddedTokens) -> tuple[Any, ...]:
        return tuple(model.encode(source) for model in self.models)

    def init_state(self, memory: tuple[Any, ...]) -> EnsembleState:
        return EnsembleState(tuple(m.init_state(part) for m, part in zip(self.models, memory, strict=True)))

    def step(self, tokens: Int[Tensor, " R"], state: EnsembleState) -> tuple[Float[Tensor, "R V"], EnsembleState]:
        steps = [model.step(tokens, part) for model, part in zip(self.models, state.states, strict=True)]
        sizes = sorted({logits.size(1) for logits, _ in steps})
        if len(sizes) > 1:
            hint = "train its models with one vocabulary"
            problem = f"vocabularies of {' and '.join(map(str, sizes))} tokens"
            raise UnsupportedError(problem, where="ensemble", hint=hint)
        log_probs = (logits.log_softmax(dim=-1, dtype=torch.float32) for logits, _ in steps)
        mean_RV = reduce(torch.logaddexp, log_probs) - math.log(len(steps))
        return mean_RV, EnsembleState(tuple(part for _, part in steps))
