"""The operations in which training spends its time, each in plain torch.

Layers call these and never torch's own dropout, norm, embedding or loss, so that one place decides how they run.

Axes    B sentences · H heads · Q query positions · K key positions · D head size · M model size · V vocabulary
Random  every mask is a function of (seed, step, call): the n-th call within `Noise.at(step)` has the same mask
        whatever was drawn before, so that a resumed run repeats an uninterrupted one bit for bit
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

_MIX = 0xFFFFFFFFFFFFFFFF


def mix(*numbers: int) -> int:
    """Return a well-mixed 64-bit number that depends on all the given ones, in order (splitmix64)."""
    state = 0
    for number in numbers:
        state = (state + number + 0x9E3779B97F4A7C15) & _MIX
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MIX
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & _MIX
        state ^= state >> 31
    return state


class Noise:
    """Dropout masks of a training, cut out of a pool that is drawn once.

    Drawing a mask costs more than the matrix products around it on a CPU; reading one at a random place of a pool
    costs one pass over memory. The pool starts at `_PLACES` numbers and grows in blocks that depend on their index
    alone, so that a mask never depends on which sizes were asked for before.
    """

    _BLOCK, _PLACES, _ALIGN = 1 << 20, 1 << 22, 64

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._pools: dict[tuple[float, torch.dtype, torch.device], Tensor] = {}
        self._step = self._call = 0

    @contextmanager
    def at(self, step: int, part: int = 0) -> Iterator[None]:
        """Open the masks of a step; `part` tells apart the passes of one step."""
        self._step, self._call = mix(step, part), 0
        token = _noise.set(self)
        try:
            yield
        finally:
            _noise.reset(token)

    def mask(self, like: Tensor, p: float) -> Tensor:
        """Return 0 with probability p and else 1 / (1 - p), in the shape and type of `like`."""
        self._call += 1
        places = self._PLACES // self._ALIGN
        first = mix(self.seed, self._step, self._call) % places * self._ALIGN
        last = first + like.numel()
        return self._pool(p, like.dtype, like.device, last)[first:last].view(like.shape)

    def _pool(self, p: float, dtype: torch.dtype, device: torch.device, length: int) -> Tensor:
        key = (p, dtype, device)
        pool = self._pools.get(key, torch.empty(0, dtype=dtype, device=device))
        if len(pool) < length:
            blocks = range(len(pool) // self._BLOCK, max(-(-length // self._BLOCK), self._PLACES // self._BLOCK + 1))
            pool = torch.cat([pool, *(self._block(p, index).to(device, dtype) for index in blocks)])
            self._pools[key] = pool
        return pool

    def _block(self, p: float, index: int) -> Tensor:
        generator = torch.Generator().manual_seed(mix(self.seed, index) & 0x7FFFFFFFFFFFFFFF)
        return (torch.rand(self._BLOCK, generator=generator) >= p).float() / (1.0 - p)


_noise: ContextVar[Noise] = ContextVar("noise")


def _mask(like: Tensor, p: float) -> Tensor:
    try:
        return _noise.get().mask(like, p)
    except LookupError:
        raise RuntimeError("dropout needs an open step: `with Noise(seed).at(step): ...`, or model.eval()") from None


def dropout(x: Tensor, p: float) -> Tensor:
    """Set entries to zero with probability p and scale up the others (Srivastava et al. 2014)."""
    return x * _mask(x, p) if p else x


def add_dropout(x: Tensor, branch: Tensor, p: float) -> Tensor:
    """Return x + dropout(branch)."""
    return torch.addcmul(x, branch, _mask(branch, p)) if p else x + branch


def layer_norm(x: Tensor, weight: Tensor, bias: Tensor, epsilon: float) -> Tensor:
    """Normalise the last axis to mean 0 and variance 1, then scale and shift."""
    return F.layer_norm(x, weight.shape, weight, bias, epsilon)


def rms_norm(x: Tensor, weight: Tensor, epsilon: float) -> Tensor:
    """Normalise the last axis to root mean square 1, then scale."""
    return F.rms_norm(x, weight.shape, weight, epsilon)


def relu_dropout(x: Tensor, p: float) -> Tensor:
    """Return dropout(max(0, x))."""
    return dropout(F.relu(x), p)


def gelu_dropout(x: Tensor, p: float) -> Tensor:
    """Return dropout(gelu(x)), in the exact form."""
    return dropout(F.gelu(x), p)


def swiglu_dropout(gate: Tensor, x: Tensor, p: float) -> Tensor:
    """Return dropout(silu(gate) * x)."""
    return dropout(F.silu(gate) * x, p)


def attention(
    q: Float[Tensor, "B H Q D"],
    k: Float[Tensor, "B H K D"],
    v: Float[Tensor, "B H K D"],
    mask: Bool[Tensor, "#B #H #Q K"] | None = None,
    bias: Float[Tensor, "#B #H Q K"] | None = None,
    *,
    causal: bool = False,
    p: float = 0.0,
) -> Float[Tensor, "B H Q D"]:
    """Average the values under softmax(q·kᵀ / √D + bias), as far as mask and causality allow.

    The fused kernel draws its dropout from the global generator and is slow on short rows on a CPU; there the weights
    are formed. `layers.attention.attend` is the same in the open.
    """
    if p == 0.0 and (q.device.type != "cpu" or k.size(2) > _SHORT):
        square = mask is None and q.size(2) == k.size(2)  # all that torch's own causal flag is right for
        if bias is None and (square or not causal):
            return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal)
        bias = q.new_zeros(1, 1, q.size(2), k.size(2)) if bias is None else bias
        bias = forbid(bias, mask, causal=causal)
        return F.scaled_dot_product_attention(q, k, v, attn_mask=bias.expand(q.size(0), -1, -1, -1))
    scores_BHQK = torch.matmul(q * (1.0 / math.sqrt(q.size(-1))), k.transpose(-2, -1))
    if bias is not None:
        scores_BHQK = scores_BHQK + bias
    return torch.matmul(dropout(forbid(scores_BHQK, mask, causal=causal).softmax(dim=-1), p), v)


def additive_weights(
    q: Float[Tensor, "B H Q D"],
    k: Float[Tensor, "B H K D"],
    judge: Float[Tensor, "1 D"],
    mask: Bool[Tensor, "#B #H #Q K"] | None,
) -> Float[Tensor, "B H Q K"]:
    """Return softmax(judge · tanh(q + k)) as far as the mask allows: additive attention."""
    scores_BHQK = F.linear((q[:, :, :, None] + k[:, :, None]).tanh(), judge).squeeze(-1)
    return forbid(scores_BHQK, mask, causal=False).softmax(dim=-1)


_SHORT = 128
"""Keys up to which forming the weights beats the fused kernel on CPUs, forward and backward together."""


def forbid(
    scores: Float[Tensor, "#B #H Q K"], mask: Bool[Tensor, "#B #H #Q K"] | None, *, causal: bool
) -> Float[Tensor, "..."]:
    """Set the scores that mask and causality forbid to minus infinity: by adding it, which is cheaper than filling."""
    if causal:
        scores = scores + scores.new_full(scores.shape[-2:], -math.inf).triu(1 + scores.size(-1) - scores.size(-2))
    return scores if mask is None else scores + scores.new_zeros(mask.shape).masked_fill(~mask, -math.inf)


class _Embedding(torch.autograd.Function):
    """Rows of a matrix; gradients of a row that occurs often are summed in float32."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, ids: Tensor) -> Tensor:
        ctx.save_for_backward(ids)
        ctx.rows = weight.size(0)
        return F.embedding(ids, weight)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        (ids,), (grad,) = ctx.saved_tensors, grads
        exact = torch.promote_types(grad.dtype, torch.float32)
        sums = torch.zeros(ctx.rows, grad.size(-1), device=grad.device, dtype=exact)
        sums.index_add_(0, ids.flatten(), grad.flatten(0, -2).to(sums.dtype))
        return sums.to(grad.dtype), None


def embedding(weight: Float[Tensor, "V M"], ids: Int[Tensor, "..."]) -> Float[Tensor, "... M"]:
    """Return the rows of `weight` that `ids` name."""
    return _Embedding.apply(weight, ids)  # type: ignore[no-untyped-call]


class _CrossEntropy(torch.autograd.Function):
    """Label-smoothed cross-entropy whose gradient takes the place of the logits: they exist once in memory."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, targets: Tensor, smoothing: float, ignore: int) -> tuple[Tensor, Tensor]:
        real = targets != ignore
        exact = torch.promote_types(logits.dtype, torch.float32)
        peak = logits.amax(dim=-1, keepdim=True)
        right = logits.gather(-1, targets[:, None]).squeeze(-1).to(exact)
        mean = logits.mean(dim=-1, dtype=exact) if smoothing else right
        weights = torch.sub(logits, peak).exp_()
        total = weights.sum(dim=-1, dtype=exact)
        log_total = total.log() + peak.squeeze(-1)
        nats = (log_total - right)[real].sum()
        loss = (log_total - (1.0 - smoothing) * right - smoothing * mean)[real].sum()
        ctx.save_for_backward(weights, total, targets, real)
        ctx.smoothing = smoothing
        ctx.mark_non_differentiable(nats)
        return loss, nats

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None, None]:
        weights, total, targets, real = ctx.saved_tensors
        rows = (grads[0] * real).to(total.dtype)
        grad = weights.mul_((rows / total)[:, None].to(weights.dtype))
        if ctx.smoothing:
            grad.sub_((rows * (ctx.smoothing / weights.size(-1)))[:, None].to(grad.dtype))
        right = -(rows * (1.0 - ctx.smoothing))[:, None].to(grad.dtype)
        return grad.scatter_add_(-1, targets[:, None], right), None, None, None


def cross_entropy(
    logits: Float[Tensor, "R V"], targets: Int[Tensor, " R"], *, smoothing: float = 0.0, ignore: int
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """Return the sums over real rows of the label-smoothed loss, and of the plain one (no gradient), in nats.

    The smoothed target is 1 - smoothing on the right entry plus smoothing spread evenly over all V (Szegedy et al.
    2016, section 7). Rows whose target is `ignore` do not count.
    """
    return _CrossEntropy.apply(logits, targets, smoothing, ignore)  # type: ignore[no-untyped-call]
