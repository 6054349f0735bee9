"""Small models to search with: two that can be worked out by hand, one that cannot, and one that watches."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from regard.data.batch import PaddedTokens
from regard.text.vocabulary import EOS

A, B, C, D = 4, 5, 6, 7  # the first tokens that are text


@dataclass(frozen=True)
class Rows:
    """A state that is one tensor, a row per hypothesis."""

    values: Tensor

    def select(self, rows: Tensor) -> "Rows":
        return Rows(self.values[rows])


def log_table(size: int, rows: dict[int, dict[int, float]]) -> Tensor:
    """Return logits by last token, whose softmax is the given probabilities; rows not given end for certain."""
    table = torch.full((size, size), -torch.inf)
    table[:, EOS] = 0.0
    for last, probs in rows.items():
        assert abs(sum(probs.values()) - 1) < 1e-9
        table[last] = -torch.inf
        for token, prob in probs.items():
            table[last, token] = torch.tensor(prob).log()
    return table


@dataclass
class Markov:
    """The next token depends on the last one and on the first token of the source: logits[source, last]."""

    logits: Tensor

    def encode(self, source: PaddedTokens) -> Tensor:
        return source.ids[:, 0] % len(self.logits)

    def init_state(self, memory: Tensor) -> Rows:
        return Rows(memory)

    def step(self, tokens: Tensor, state: Rows) -> tuple[Tensor, Rows]:
        return self.logits[state.values, tokens], state


@dataclass
class Counting:
    """The next token depends on how many there were: logits[count]; a state that is mixed up shows."""

    logits: Tensor

    def encode(self, source: PaddedTokens) -> Tensor:
        return torch.zeros_like(source.lengths)

    def init_state(self, memory: Tensor) -> Rows:
        return Rows(memory)

    def step(self, tokens: Tensor, state: Rows) -> tuple[Tensor, Rows]:
        return self.logits[state.values], Rows(state.values + 1)


class Recurrent:
    """Random weights; the next token depends on all before and on the source. In float64, so that rows of another
    batch have the same logits once rounded to float32.
    """

    def __init__(self, size: int, seed: int, width: int = 6) -> None:
        generator = torch.Generator().manual_seed(seed)

        def normal(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=generator, dtype=torch.float64)

        self.embedding, self.inner, self.outer = normal(size, width), normal(width, width), 1.5 * normal(width, size)

    def encode(self, source: PaddedTokens) -> Tensor:
        real = torch.arange(source.ids.size(1)) < source.lengths[:, None]
        return (self.embedding[source.ids] * real[:, :, None]).sum(1)

    def init_state(self, memory: Tensor) -> Rows:
        return Rows(memory)

    def step(self, tokens: Tensor, state: Rows) -> tuple[Tensor, Rows]:
        hidden = (state.values @ self.inner + self.embedding[tokens]).tanh()
        return (hidden @ self.outer).float(), Rows(hidden)


@dataclass
class Watched:
    """Another model, with the rows of every step counted and every selection checked."""

    model: Any
    stepped: list[int] = field(default_factory=list)

    def encode(self, source: PaddedTokens) -> Any:
        return self.model.encode(source)

    def init_state(self, memory: Any) -> "WatchedState":
        state = self.model.init_state(memory)
        return WatchedState(state, len(state.values))

    def step(self, tokens: Tensor, state: "WatchedState") -> tuple[Tensor, "WatchedState"]:
        assert len(tokens) == state.rows
        self.stepped.append(len(tokens))
        logits, inner = self.model.step(tokens, state.state)
        return logits, WatchedState(inner, state.rows)


@dataclass(frozen=True)
class WatchedState:
    state: Any
    rows: int

    def select(self, rows: Tensor) -> "WatchedState":
        assert rows.dtype == torch.long
        assert len(rows) == 0 or 0 <= int(rows.min()) <= int(rows.max()) < self.rows
        return WatchedState(self.state.select(rows), len(rows))


def sources(*texts: Sequence[int]) -> PaddedTokens:
    return PaddedTokens.sources(texts)


def next_log_probs(model: Any, source: Sequence[int], last: int, state: Any = None) -> tuple[list[float], Any]:
    """Step one row of one sentence; return the log-probabilities of all tokens and the state."""
    if state is None:
        state = model.init_state(model.encode(sources(source)))
    logits, state = model.step(torch.tensor([last]), state)
    return logits[0].log_softmax(-1).tolist(), state
