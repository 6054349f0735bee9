"""The operations in which training spends its time: each in plain torch, and by the native library where that is there.

Layers call these and never torch's own dropout, norm, embedding or loss, so that one place decides how they run.

Axes    B sentences · H heads · Q query positions · K key positions · D head size · M model size · V vocabulary
"""

import math
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Complex, Float, Int
from torch import Tensor, nn

from regard.layers import native_kernels as native
from regard.layers import native_products as products
from regard.layers import noise


def _native(*tensors: Tensor) -> bool:
    return native.fits(*tensors) and all(tensor.is_contiguous() for tensor in tensors)


def dropout(x: Tensor, p: float) -> Tensor:
    """Set entries to zero with probability p and scale up the others (Srivastava et al. 2014)."""
    if p and _native(x):
        return native.run(native.Dropout, x, noise.bits(x.numel(), p))
    return x * noise.mask(x, p) if p else x


def layer_norm(x: Tensor, weight: Tensor, bias: Tensor, epsilon: float) -> Tensor:
    """Normalise the last axis to mean 0 and variance 1, then scale and shift."""
    if _native(x, weight, bias):
        return native.run(native.Norm, x, None, noise.Bits(), weight, bias, epsilon)[0]
    return F.layer_norm(x, weight.shape, weight, bias, epsilon)


def rms_norm(x: Tensor, weight: Tensor, epsilon: float) -> Tensor:
    """Normalise the last axis to root mean square 1, then scale."""
    if _native(x, weight):
        return native.run(native.Norm, x, None, noise.Bits(), weight, None, epsilon)[0]
    return F.rms_norm(x, weight.shape, weight, epsilon)


def add_norm(
    x: Tensor, branch: Tensor, weight: Tensor, bias: Tensor | None, epsilon: float, p: float
) -> tuple[Tensor, Tensor]:
    """Return x + dropout(branch), and its `layer_norm`, or without a bias its `rms_norm`."""
    if _native(x, branch, weight):
        normed, total = native.run(native.Norm, x, branch, noise.bits(x.numel(), p), weight, bias, epsilon)
        return total, normed
    total = torch.addcmul(x, branch, noise.mask(branch, p)) if p else x + branch
    return total, rms_norm(total, weight, epsilon) if bias is None else layer_norm(total, weight, bias, epsilon)


def relu_dropout(x: Tensor, p: float) -> Tensor:
    """Return dropout(max(0, x))."""
    if _native(x):
        return native.run(native.Activation, x, noise.bits(x.numel(), p), native.RELU)
    return dropout(F.relu(x), p)


def gelu_dropout(x: Tensor, p: float) -> Tensor:
    """Return dropout(gelu(x)), in the exact form."""
    if _native(x):
        return native.run(native.Activation, x, noise.bits(x.numel(), p), native.GELU)
    return dropout(F.gelu(x), p)


def silu_dropout(x: Tensor, p: float) -> Tensor:
    """Return dropout(silu(x)); such models come from elsewhere, so that it has no native form."""
    return dropout(F.silu(x), p)


def geglu_dropout(gate: Tensor, x: Tensor, p: float) -> Tensor:
    """Return dropout(gelu(gate) * x), with GELU by tanh; no native form either."""
    return dropout(F.gelu(gate, approximate="tanh") * x, p)


def swiglu_dropout(gate: Tensor, x: Tensor, p: float) -> Tensor:
    """Return dropout(silu(gate) * x)."""
    if _native(gate, x):
        return native.run(native.SwiGLU, gate, x, noise.bits(x.numel(), p))
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
    are formed, or all is done natively. `layers.attention.attend` is the same in the open.
    """
    short = k.size(2) <= _SHORT and bias is None and (mask is None or mask.shape[1:3] == (1, 1))
    if short and native.fits(q, k, v):
        return native.run(native.Attention, q, k, v, mask, causal, noise.bits(q.shape[:3].numel() * k.size(2), p))
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


def rotate(x: Float[Tensor, "B H T D"], turns: Complex[Tensor, "T pairs"]) -> Float[Tensor, "B H T D"]:
    """Turn pairs of neighbouring features, each pair a complex number, by those of their position."""
    if native.fits(x):
        return native.run(native.Rotation, x, torch.view_as_real(turns))
    pairs_BHTd = torch.view_as_complex(x.to(turns.real.dtype).unflatten(-1, (-1, 2)))
    return torch.view_as_real(pairs_BHTd * turns).flatten(-2).to(x.dtype)


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
    if native.fits(weight):
        return native.run(products.Embedding, weight, ids)
    return _Embedding.apply(weight, ids)  # type: ignore[no-untyped-call]


def linear(x: Float[Tensor, "... M"], weight: Float[Tensor, "N M"], bias: Float[Tensor, " N"] | None) -> Tensor:
    """Return x · weightᵀ + bias (... N)."""
    if torch.is_grad_enabled() and products.has_linear(x, weight):
        return native.run(products.Linear, x, weight, bias)[0]
    return F.linear(x, weight, bias)


def projections(x: Float[Tensor, "... M"], *maps: nn.Linear) -> tuple[Float[Tensor, "... N"], ...]:
    """Return what several linear maps make of the same vectors."""
    if torch.is_grad_enabled() and products.has_linear(x, *(each.weight for each in maps)):
        return native.run(products.Linear, x, *(part for each in maps for part in (each.weight, each.bias)))
    return tuple(each(x) for each in maps)


def gather(weight: Tensor) -> None:
    """Let kernels add to `weight.grad` in place, a tensor that stays, instead of handing autograd what it would add."""
    products.gather(weight)


class Linear(nn.Linear):
    """A linear map whose product is done by `linear`."""

    def forward(self, input: Float[Tensor, "... M"]) -> Float[Tensor, "... N"]:  # noqa: A002  # as torch calls it
        return linear(input, self.weight, self.bias)


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


class Means(NamedTuple):
    """Running means of a gradient and of its square, and how much of them each step keeps."""

    mean: Float[Tensor, " N"]
    square: Float[Tensor, " N"]
    beta1: float
    beta2: float


def adam(
    weights: Float[Tensor, " N"],
    working: Float[Tensor, " N"],
    gradient: Float[Tensor, " N"],
    means: Means,
    *,
    scale: float,
    rate: float,
    unbias: float,
    epsilon: float,
) -> None:
    """Do a step of Adam (Kingma & Ba 2015) in place: w -= rate · m / (√v · unbias + epsilon).

    The gradient is multiplied by `scale` first. `working` is what the model computes with, in the gradient's type: the
    weights themselves, or a copy, which is renewed.
    """
    if native.fits(gradient, working) and native.fits(weights) and weights.dtype == torch.float32:
        native.adam(weights, working, gradient, means, scale, rate, unbias, epsilon)
        return
    gradient = gradient.to(weights.dtype) * scale
    means.mean.lerp_(gradient, 1 - means.beta1)
    means.square.mul_(means.beta2).addcmul_(gradient, gradient, value=1 - means.beta2)
    weights.addcdiv_(means.mean, means.square.sqrt().mul_(unbias).add_(epsilon), value=-rate)
    working.copy_(weights)


def norm(x: Float[Tensor, " N"]) -> float:
    """Return the Euclidean norm of a vector, summed in float32 at least."""
    return native.norm(x) if _native(x) else float(x.to(torch.promote_types(x.dtype, torch.float32)).norm())


def divergence(first: Float[Tensor, "R V"], second: Float[Tensor, "R V"]) -> Float[Tensor, ""]:
    """Return the Kullback-Leibler divergences of two predictions, both ways, summed over rows, in nats."""
    log_p, log_q = (F.log_softmax(logits.float(), dim=-1) for logits in (first, second))
    return ((log_p.exp() - log_q.exp()) * (log_p - log_q)).sum()


def cross_entropy(
    logits: Float[Tensor, "R V"], targets: Int[Tensor, " R"], *, smoothing: float = 0.0, ignore: int
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """Return the sums over real rows of the label-smoothed loss, and of the plain one (no gradient), in nats.

    The smoothed target is 1 - smoothing on the right entry plus smoothing spread evenly over all V (Szegedy et al.
    2016, section 7). Rows whose target is `ignore` do not count.
    """
    if _native(logits):
        return native.run(products.CrossEntropy, logits, targets, smoothing, ignore)
    return _CrossEntropy.apply(logits, targets, smoothing, ignore)  # type: ignore[no-untyped-call]


def projected_cross_entropy(
    x: Float[Tensor, "R M"],
    weight: Float[Tensor, "V M"],
    bias: Float[Tensor, " V"] | None,
    targets: Int[Tensor, " R"],
    *,
    smoothing: float = 0.0,
    ignore: int,
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """Return the `cross_entropy` of x · weightᵀ + bias: where it can be, without ever having all logits."""
    if products.has_projected_loss(x, weight) and all(tensor.is_contiguous() for tensor in (x, weight)):
        return native.run(products.ProjectedCrossEntropy, x, weight, bias, targets, smoothing, ignore)
    return cross_entropy(linear(x, weight, bias), targets, smoothing=smoothing, ignore=ignore)
