"""Attention: every query takes an average of the values, weighted by how well it matches the keys.

Axes    B sentences · Q query positions · K key positions · H heads · D head size · M model size
Masks   True where a query may attend to a key; every query may attend to at least one
Source  Vaswani et al. 2017, section 3.2
"""

import math
from dataclasses import dataclass

from jaxtyping import Bool, Float
from torch import Tensor, nn

from regard.errors import ConfigError
from regard.layers import kernels
from regard.layers.cache import KeysValues, KeyValueCache, NoCache
from regard.layers.positions import Positions


@dataclass(frozen=True, slots=True)
class AttentionCall:
    """One look of one attention: what it compared and the weights it came to."""

    q: Float[Tensor, "B H Q D"]
    k: Float[Tensor, "B H K D"]
    v: Float[Tensor, "B H K D"]
    weights: Float[Tensor, "B H Q K"]
    mask: Bool[Tensor, "#B #H #Q K"] | None


class AttentionObserver:
    """Sees every call of an attention, and may change what comes of it; this one changes nothing.

    Both hooks may treat the rows of a batch differently, so that many interventions run as one batch.
    """

    def weights(self, call: AttentionCall) -> Float[Tensor, "B H Q K"]:
        """Return the weights to apply to the values."""
        return call.weights

    def context(self, context: Float[Tensor, "B H Q D"]) -> Float[Tensor, "B H Q D"]:
        """Return the context that the output projection gets to see."""
        return context


def attention_weights(
    q: Float[Tensor, "B H Q D"],
    k: Float[Tensor, "B H K D"],
    mask: Bool[Tensor, "#B #H #Q K"] | None = None,
    bias: Float[Tensor, "#B #H Q K"] | None = None,
    *,
    causal: bool = False,
) -> Float[Tensor, "B H Q K"]:
    """Return softmax(q·kᵀ / √D + bias), equation 1: how much each query attends to each key; rows sum to 1."""
    scores_BHQK = q @ k.transpose(-2, -1) / math.sqrt(q.size(-1))
    if bias is not None:
        scores_BHQK = scores_BHQK + bias
    return kernels.forbid(scores_BHQK, mask, causal=causal).softmax(dim=-1)


def attend(
    q: Float[Tensor, "B H Q D"],
    k: Float[Tensor, "B H K D"],
    v: Float[Tensor, "B H K D"],
    mask: Bool[Tensor, "#B #H #Q K"] | None = None,
    bias: Float[Tensor, "#B #H Q K"] | None = None,
    *,
    causal: bool = False,
    dropout: float = 0.0,
    observer: AttentionObserver | None = None,
) -> Float[Tensor, "B H Q D"]:
    """Average the values under the attention weights; in the open if someone is looking, else the fast way."""
    if observer is None:
        return kernels.attention(q, k, v, mask, bias, causal=causal, p=dropout)
    weights_BHQK = attention_weights(q, k, mask, bias, causal=causal)
    weights_BHQK = observer.weights(AttentionCall(q, k, v, weights_BHQK, mask))
    return observer.context(kernels.dropout(weights_BHQK, dropout) @ v)


class Attention(nn.Module):
    """What every attention has: a place for an observer, set and cleared from outside."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.p = dropout
        self.observer: AttentionObserver | None = None

    @property
    def dropout(self) -> float:
        """Share of the weights set to zero: 0 unless training."""
        return self.p if self.training else 0.0


class MultiHeadAttention(Attention):
    """Attend with several heads at once, each looking through its own projections (section 3.2.2).

    With fewer `key_value_heads`, groups of heads share their keys and values (Ainslie et al. 2023).
    """

    def __init__(
        self,
        d_model: int,
        heads: int,
        dropout: float = 0.0,
        key_value_heads: int | None = None,
        *,
        biases: bool = True,
    ) -> None:
        super().__init__(dropout)
        shared = key_value_heads or heads
        if d_model % heads:
            raise ConfigError(f"{heads} heads do not divide d_model={d_model}", where="heads")
        if heads % shared:
            raise ConfigError(f"{shared} do not divide heads={heads}", where="key_value_heads")
        self.heads, self.groups, d_head = heads, heads // shared, d_model // heads
        self.query = kernels.Linear(d_model, d_model, bias=biases)
        self.key = kernels.Linear(d_model, shared * d_head, bias=biases)
        self.value = kernels.Linear(d_model, shared * d_head, bias=biases)
        self.output = kernels.Linear(d_model, d_model, bias=biases)

    def split_heads(self, x: Float[Tensor, "B T M"]) -> Float[Tensor, "B H T D"]:
        """Cut the features into heads of equal size."""
        return x.unflatten(-1, (-1, self.query.out_features // self.heads)).transpose(1, 2)

    def keys_values(self, memory: Float[Tensor, "B K M"]) -> KeysValues:
        """Project what is attended to, once for all queries to come."""
        k, v = kernels.projections(memory, self.key, self.value)
        return KeysValues(self.split_heads(k), self.split_heads(v))

    def queries_keys_values(
        self, x: Float[Tensor, "B T M"]
    ) -> tuple[Float[Tensor, "B H T D"], Float[Tensor, "B G T D"], Float[Tensor, "B G T D"]]:
        """Project what attends to itself; G heads have keys and values."""
        q, k, v = map(self.split_heads, kernels.projections(x, self.query, self.key, self.value))
        return q, k, v

    def average(
        self,
        q: Float[Tensor, "B H Q D"],
        seen: KeysValues,
        mask: Bool[Tensor, "#B #H #Q K"] | None = None,
        bias: Float[Tensor, "#B #H Q K"] | None = None,
        *,
        causal: bool = False,
    ) -> Float[Tensor, "B Q M"]:
        """Attend, join the heads and project them: the part that all uses of attention share."""
        k, v = seen.keys, seen.values
        if self.groups > 1:
            k, v = k.repeat_interleave(self.groups, dim=1), v.repeat_interleave(self.groups, dim=1)
        context_BHQD = attend(q, k, v, mask, bias, causal=causal, dropout=self.dropout, observer=self.observer)
        return self.output(context_BHQD.transpose(1, 2).flatten(start_dim=2))


class SelfAttention(MultiHeadAttention):
    """Every position sees every real position of its own sequence: the encoder's use."""

    def forward(
        self, x: Float[Tensor, "B S M"], mask: Bool[Tensor, "B 1 1 S"], positions: Positions
    ) -> Float[Tensor, "B S M"]:
        q, k, v = self.queries_keys_values(x)
        q, k = positions.rotate(q), positions.rotate(k)
        return self.average(q, KeysValues(k, v), mask, positions.bias(q, k.size(2)))


class CausalSelfAttention(MultiHeadAttention):
    """Every position sees itself and those before it: the decoder's use.

    Given a cache, `x` goes on where the cache ends. Targets are padded on the right, so that causality alone keeps
    padding out of real positions and no mask is needed.
    """

    def forward(
        self, x: Float[Tensor, "B T M"], positions: Positions, cache: KeyValueCache | NoCache
    ) -> Float[Tensor, "B T M"]:
        first = cache.length
        q, k, v = self.queries_keys_values(x)
        q, k = positions.rotate(q, first), positions.rotate(k, first)
        seen = cache.append(KeysValues(k, v))
        bias = positions.bias(q, seen.keys.size(2), first)
        return self.average(q, seen, None, bias, causal=q.size(2) > 1)


class EncoderDecoderAttention(MultiHeadAttention):
    """Every target position sees every real source position: what passes from encoder to decoder.

    Also called cross-attention. Keys and values of the source are projected once, by `keys_values`.
    """

    def forward(
        self, x: Float[Tensor, "B T M"], source: KeysValues, mask: Bool[Tensor, "B 1 1 S"]
    ) -> Float[Tensor, "B T M"]:
        return self.average(self.split_heads(self.query(x)), source, mask)


def observed(model: nn.Module) -> dict[str, Attention]:
    """Return every attention of a model by its name: where observers can be attached."""
    return {name: module for name, module in model.named_modules() if isinstance(module, Attention)}
