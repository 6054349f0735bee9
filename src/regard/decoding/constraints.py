"""Constraints: what an output may not contain, or must.

Axes    R rows · V vocabulary · T tokens so far · P tokens of a prefix

A constraint writes −∞ for the forbidden tokens into log-probabilities that the search made for itself. This is the one
place where a tensor changes across a function border: a copy would cost as much as the rest of the search. What a
constraint knows of each row it holds like a decoder state: `follow` returns the constraint after the next token, so
rows may be reordered, repeated and dropped.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from regard.decoding.types import DecodingConfig
from regard.text.vocabulary import BOS, EOS, PAD, UNK


@runtime_checkable
class Constraint(Protocol):
    """Forbids tokens, step by step."""

    def forbid(self, log_probs: Float[Tensor, "R V"]) -> None:
        """Write −∞ where a token may not come next."""
        ...

    def follow(self, parents: Int[Tensor, " R"], tokens: Int[Tensor, " R"]) -> "Constraint":
        """Return what holds after row `parents[i]` went on with `tokens[i]`, for every new row i."""
        ...


@dataclass(frozen=True, slots=True)
class ForbiddenTokens:
    """Some tokens never come."""

    ids: tuple[int, ...]

    def forbid(self, log_probs: Float[Tensor, "R V"]) -> None:
        for token in self.ids:
            log_probs[:, token] = -math.inf

    def follow(self, parents: Int[Tensor, " R"], tokens: Int[Tensor, " R"]) -> Constraint:
        return self


@dataclass(frozen=True, slots=True)
class MinimumLength:
    """EOS does not come before so many more tokens."""

    tokens: int

    def forbid(self, log_probs: Float[Tensor, "R V"]) -> None:
        if self.tokens > 0:
            log_probs[:, EOS] = -math.inf

    def follow(self, parents: Int[Tensor, " R"], tokens: Int[Tensor, " R"]) -> Constraint:
        return MinimumLength(self.tokens - 1)


@dataclass(frozen=True, slots=True)
class NoRepeat:
    """No n-gram of `size` tokens comes twice."""

    size: int
    history: Int[Tensor, "R T"]

    def forbid(self, log_probs: Float[Tensor, "R V"]) -> None:
        length = self.history.size(1)
        if length < self.size:
            return
        grams_RXn = self.history.unfold(1, self.size, 1)
        tail_R1n = self.history[:, None, length - self.size + 1 :]
        rows, starts = (grams_RXn[:, :, :-1] == tail_R1n).all(-1).nonzero(as_tuple=True)
        log_probs[rows, grams_RXn[rows, starts, -1]] = -math.inf

    def follow(self, parents: Int[Tensor, " R"], tokens: Int[Tensor, " R"]) -> Constraint:
        return NoRepeat(self.size, torch.cat((self.history[parents], tokens[:, None]), dim=1))


@dataclass(frozen=True, slots=True)
class AllOf:
    """Several constraints hold."""

    parts: tuple[Constraint, ...]

    def forbid(self, log_probs: Float[Tensor, "R V"]) -> None:
        for part in self.parts:
            part.forbid(log_probs)

    def follow(self, parents: Int[Tensor, " R"], tokens: Int[Tensor, " R"]) -> Constraint:
        return AllOf(tuple(part.follow(parents, tokens) for part in self.parts))


@dataclass(frozen=True, slots=True)
class ForcedPrefix:
    """Each row starts with given tokens, even forbidden ones; past its own prefix a row obeys `others`."""

    prefixes: Int[Tensor, "R P"]  # −1 after the end of a shorter one
    others: Constraint
    step: int = 0

    def forbid(self, log_probs: Float[Tensor, "R V"]) -> None:
        rows = (self.prefixes[:, self.step] >= 0).nonzero()[:, 0]
        forced = self.prefixes[rows, self.step]
        kept = log_probs[rows, forced]
        self.others.forbid(log_probs)
        log_probs[rows] = -math.inf
        log_probs[rows, forced] = kept

    def follow(self, parents: Int[Tensor, " R"], tokens: Int[Tensor, " R"]) -> Constraint:
        others = self.others.follow(parents, tokens)
        if self.step + 1 == self.prefixes.size(1):
            return others
        return ForcedPrefix(self.prefixes[parents], others, self.step + 1)


def constraint_for(config: DecodingConfig, prefixes: Sequence[Sequence[int]], device: torch.device) -> Constraint:
    """Return all that the config forbids, for one row per prefix; PAD, BOS and UNK are never written."""
    parts: list[Constraint] = [ForbiddenTokens((PAD, BOS, UNK))]
    if config.min_length:
        parts.append(MinimumLength(config.min_length))
    if config.no_repeat:
        parts.append(NoRepeat(config.no_repeat, torch.empty((len(prefixes), 0), dtype=torch.long, device=device)))
    longest = max(map(len, prefixes), default=0)
    if not longest:
        return AllOf(tuple(parts))
    padded = [[*prefix, *[-1] * (longest - len(prefix))] for prefix in prefixes]
    return ForcedPrefix(torch.tensor(padded, device=device), AllOf(tuple(parts)))


def permitted(logits: Float[Tensor, "R V"], constraint: Constraint) -> Float[Tensor, "R V"]:
    """Return the model's log-probabilities in float32, −∞ where a token may not come."""
    log_probs_RV = logits.log_softmax(dim=-1, dtype=torch.float32)
    constraint.forbid(log_probs_RV)
    return log_probs_RV
