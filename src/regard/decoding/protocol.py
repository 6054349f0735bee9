"""What decoding needs of a model.

Axes    B sentences · R rows (hypotheses) · V vocabulary
"""

from typing import Any, Protocol, TypeVar, runtime_checkable

from jaxtyping import Float, Int
from torch import Tensor

from regard.data.batch import PaddedTokens


@runtime_checkable
class DecoderState(Protocol):
    """All that a model remembers between steps, one row per hypothesis."""

    def select(self, rows: Int[Tensor, " R"]) -> "DecoderState":
        """Return the state of the given rows, in that order; rows may repeat or drop out."""
        ...


State = TypeVar("State", bound=DecoderState)


@runtime_checkable
class StepModel(Protocol[State]):
    """A model that reads a source once and then predicts one token per row and step.

    `step` is functional: it returns the next state, and a state is stepped once.
    """

    def encode(self, source: PaddedTokens) -> Any:
        """Read the sources (B rows) and return what the decoder will attend to."""
        ...

    def init_state(self, memory: Any) -> State:
        """Return the state before the first token, a row per source."""
        ...

    def step(self, tokens: Int[Tensor, " R"], state: State) -> tuple[Float[Tensor, "R V"], State]:
        """Feed one token per row; return the logits of the next token and the next state."""
        ...
