"""How much each word contributes to each output word, by the vectors that are mixed and not by weights alone (ALTI).

Behind an attention stands x + Σ weight · value · W_O, and in a post-norm layer the norm of that. The norm, once its
mean and variance are known, is linear; so the output y is a sum of one vector for each token (its own x among them)
and biases. A vector contributes by how much nearer y it is than nothing would be:

    c = max(0, ‖y‖₁ - ‖y - vector‖₁), divided by the sum over all of them

The feed-forward layer and the norms of its own act within one place and mix nothing; they are passed by, as is what a
copying layer does behind the decoder.

Axes    S source positions · T target positions · Q, K query and key positions · H heads · D head size · M model size
Source  Ferrando et al. 2022a, section 3 (encoder); 2022b, section 3 (encoder and decoder)
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from regard.errors import UnsupportedError
from regard.inference.engine import Tokens
from regard.inspection.attribution import Attribution, PairWords
from regard.inspection.capture import capture_attention
from regard.inspection.norms import projected_values
from regard.inspection.rollout import Reading, through_layers
from regard.inspection.subject import Subject
from regard.layers.attention import AttentionCall, MultiHeadAttention
from regard.layers.residual import LayerNorm, Norm, PreNorm, RMSNorm, Stream
from regard.models.transformer import Transformer

MOST_NUMBERS = 4_000_000
"""Numbers of all the vectors that exist at the same time; more queries wait their turn."""


@dataclass(frozen=True, slots=True)
class Mixing:
    """An attention and the residual connection around it, as they worked on one sentence."""

    attention: MultiHeadAttention
    residual: nn.Module
    x: Float[Tensor, "Q M"]  # what went by
    total: Float[Tensor, "Q M"]  # that, and what the attention added
    y: Float[Tensor, "Q M"]  # what came out: the total, or its norm
    weights: Float[Tensor, "H Q K"]
    values: Float[Tensor, "H K D"]

    @property
    def is_pre_norm(self) -> bool:
        """Whether the sum is what goes on."""
        return isinstance(self.residual, PreNorm)

    def through_norm(self, vectors: Float[Tensor, "q N M"], first: int) -> Float[Tensor, "q N M"]:
        """Return what vectors that are part of the sums from query `first` on become behind the norm."""
        if self.is_pre_norm:
            return vectors
        norm: Any = self.residual.norm
        return linear_part(norm, self.total[first : first + len(vectors), None], vectors)

    def parts(self) -> Iterator[tuple[int, Float[Tensor, "q K M"], Float[Tensor, "q 1 M"]]]:
        """Yield the vectors that some queries, from the first on, were made of: one for each key, and what went by."""
        projected_KHM = projected_values(self.attention, self.values[None])[0].transpose(0, 1).contiguous()
        queries, keys = self.weights.shape[1:]
        size = max(1, MOST_NUMBERS // (keys * self.x.size(1)))
        for first in range(0, queries, size):
            weights_KqH = self.weights[:, first : first + size].permute(2, 1, 0)
            taken_qKM = (weights_KqH @ projected_KHM).transpose(0, 1)
            kept_q1M = self.x[first : first + size, None]
            yield first, self.through_norm(taken_qKM, first), self.through_norm(kept_q1M, first)


def linear_part(norm: Norm, total: Float[Tensor, "q 1 M"], vectors: Float[Tensor, "q N M"]) -> Float[Tensor, "q N M"]:
    """Return the share that vectors have in the norm of their total: its mean and variance are the total's."""
    if isinstance(norm, LayerNorm):
        centred = vectors - vectors.mean(dim=-1, keepdim=True)
        return norm.weight * centred / (total.var(dim=-1, correction=0, keepdim=True) + norm.epsilon).sqrt()
    assert isinstance(norm, RMSNorm)
    return norm.weight * vectors / (total.square().mean(dim=-1, keepdim=True) + norm.epsilon).sqrt()


def nearness(y: Float[Tensor, "q 1 M"], vectors: Float[Tensor, "q N M"]) -> Float[Tensor, "q N"]:
    """Return how much nearer y each vector is than nothing would be; 0 if it is farther off."""
    return (y.abs().sum(dim=-1) - (y - vectors).abs().sum(dim=-1)).clamp_min(0.0)


def self_mixture(mixing: Mixing) -> Float[Tensor, "Q Q"]:
    """Return the contribution of each token to each output of a self-attention; rows sum to 1."""
    rows = []
    for first, taken_qKM, kept_q1M in mixing.parts():
        queries = torch.arange(len(taken_qKM))
        taken_qKM[queries, first + queries] += kept_q1M[:, 0]  # a token's own place
        rows.append(nearness(mixing.y[first : first + len(taken_qKM), None], taken_qKM))
    near_QQ = torch.cat(rows)
    own_QQ = torch.eye(len(near_QQ), dtype=near_QQ.dtype)
    total_Q1 = near_QQ.sum(dim=1, keepdim=True)
    return torch.where(total_Q1 > 0, near_QQ / total_Q1, own_QQ)


def reading(mixing: Mixing) -> Reading:
    """Return the contribution of each source vector, and of what went by, to the outputs of what reads the source."""
    taken, kept = [], []
    for first, taken_qKM, kept_q1M in mixing.parts():
        y_q1M = mixing.y[first : first + len(taken_qKM), None]
        taken.append(nearness(y_q1M, taken_qKM))
        kept.append(nearness(y_q1M, kept_q1M)[:, 0])
    taken_TS, kept_T = torch.cat(taken), torch.cat(kept)
    total_T = taken_TS.sum(dim=1) + kept_T
    return Reading(
        torch.where(total_T[:, None] > 0, taken_TS / total_T[:, None], 0.0),
        torch.where(total_T > 0, kept_T / total_T, 1.0),
    )


@torch.no_grad()
def contributions(subject: Subject, source: Tokens, target: Tokens, *, words: bool = True) -> Attribution:
    """Return the contribution of every source word and earlier output word to every output word; rows sum to 1.

    Raises UnsupportedError unless the model is a Transformer.
    """
    encoder: list[Tensor] = []
    decoder: list[Tensor] = []
    readings: list[Reading] = []
    for kind, mixing in mixings(subject, source, target):
        if kind == "encoder-decoder":
            readings.append(reading(mixing))
        else:
            (encoder if kind == "encoder" else decoder).append(self_mixture(mixing))
    of_source, of_prefix = through_layers(encoder, decoder, readings)
    pair = PairWords.of(subject, source, target, words=words)
    return pair.shared_out("contribution", of_source.double().numpy(), of_prefix.double().numpy())


def mixings(subject: Subject, source: Tokens, target: Tokens) -> Iterator[tuple[str, Mixing]]:
    """Yield how every attention worked on a pair, with its kind: layer by layer, the encoder's first."""
    model = subject.model
    if not isinstance(model, Transformer):
        hint = "take gradient or occlusion, which suit every family"
        raise UnsupportedError("has no residual layers to follow", where="model", hint=hint)
    places = [("encoder", layer.self_attention, layer.around_self) for layer in model.encoder.layers]
    for layer in model.decoder.layers:
        places.append(("decoder", layer.self_attention, layer.around_self))
        places.append(("encoder-decoder", layer.source_attention, layer.around_source))
    with torch.no_grad(), capture_attention(model) as calls, _streams(places) as seen:
        model(subject.batch([(source, target)]))
    names = {attention: name for name, attention in model.named_modules() if isinstance(attention, MultiHeadAttention)}
    for kind, attention, residual in places:
        (call,) = calls.pop(names[attention])
        yield kind, _mixing(attention, residual, call, seen)


def _mixing(
    attention: MultiHeadAttention, residual: nn.Module, call: AttentionCall, seen: dict[nn.Module, Any]
) -> Mixing:
    stream: Stream = seen.pop(residual)
    x = stream.x if stream.branch is None else stream.x + stream.branch
    total = x + seen.pop(attention)
    y = total if isinstance(residual, PreNorm) else residual.norm(total)  # type: ignore[operator]
    return Mixing(attention, residual, x[0], total[0], y[0], call.weights[0], call.v[0])


@contextmanager
def _streams(places: list[tuple[str, MultiHeadAttention, nn.Module]]) -> Iterator[dict[nn.Module, Any]]:
    """Yield what goes into each residual connection, and comes out of each attention, while the block lasts."""
    seen: dict[nn.Module, Any] = {}

    def entering(module: nn.Module, inputs: tuple[Any, ...]) -> None:
        seen[module] = inputs[0]

    def leaving(module: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> None:
        seen[module] = output

    with ExitStack() as stack:
        for _, attention, residual in places:
            undo: list[Callable[[], None]] = [
                residual.register_forward_pre_hook(entering).remove,
                attention.register_forward_hook(leaving).remove,
            ]
            for remove in undo:
                stack.callback(remove)
        yield seen
