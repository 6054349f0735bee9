"""The operations of `kernels` by the native library: the same results to rounding, the same dropout masks to the bit.

Each works on contiguous tensors of float32 or bfloat16 on the CPU; `fits` tells which. The arithmetic is in float32,
whatever the type of the tensors.

Axes    B sentences · H heads · Q query positions · K key positions · D head size · M model size · V vocabulary · R rows
"""

import math
from ctypes import byref
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.graph import increment_version

from regard.layers.noise import Bits
from regard.native import library

if TYPE_CHECKING:
    from regard.layers.kernels import Means

_TYPES = {torch.float32: 0, torch.bfloat16: 1}
RELU, GELU = 0, 1
"""The activations, as the library counts them."""


def fits(*tensors: Tensor) -> bool:
    """Whether the library is there and takes tensors such as these."""
    first = tensors[0]
    return (
        first.dtype in _TYPES
        and first.device.type == "cpu"
        and all(tensor.dtype == first.dtype for tensor in tensors)
        and library.native().table is not None
    )


def _kernels() -> Any:
    return library.native().kernels(torch.get_num_threads())


def run(kernel: type[Function], *arguments: Any) -> Any:
    """Call a kernel in such a way that gradients flow back through it."""
    return kernel.apply(*arguments)


def _drop(bits: Bits) -> library.Dropout:
    address = None if bits.pool is None else bits.pool.data_ptr()
    return library.Dropout(address, bits.first, 1.0 / (1.0 - bits.p))


class Dropout(Function):
    """dropout(x)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, bits: Bits) -> Tensor:
        ctx.bits = bits
        out = torch.empty_like(x)
        _kernels().dropout(_TYPES[x.dtype], x.numel(), out.data_ptr(), x.data_ptr(), byref(_drop(bits)))
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        return _dropped(grads[0], ctx.bits), None


def _dropped(grad: Tensor, bits: Bits) -> Tensor:
    grad = grad.contiguous()
    out = torch.empty_like(grad)
    _kernels().dropout(_TYPES[grad.dtype], grad.numel(), out.data_ptr(), grad.data_ptr(), byref(_drop(bits)))
    return out


class AddDropout(Function):
    """x + dropout(branch)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, branch: Tensor, bits: Bits) -> Tensor:
        ctx.bits = bits
        out = torch.empty_like(x)
        _kernels().add_dropout(
            _TYPES[x.dtype], x.numel(), out.data_ptr(), x.data_ptr(), branch.data_ptr(), byref(_drop(bits))
        )
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None]:
        return grads[0], _dropped(grads[0], ctx.bits), None


class Activation(Function):
    """dropout(relu(x)) or dropout(gelu(x))."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, bits: Bits, which: int) -> Tensor:
        ctx.save_for_backward(x)
        ctx.bits, ctx.which = bits, which
        out = torch.empty_like(x)
        _kernels().activation_forward(
            _TYPES[x.dtype], which, x.numel(), out.data_ptr(), x.data_ptr(), byref(_drop(bits))
        )
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        (x,), grad = ctx.saved_tensors, grads[0].contiguous()
        out = torch.empty_like(x)
        _kernels().activation_backward(
            _TYPES[x.dtype],
            ctx.which,
            x.numel(),
            out.data_ptr(),
            grad.data_ptr(),
            x.data_ptr(),
            byref(_drop(ctx.bits)),
        )
        return out, None, None


class SwiGLU(Function):
    """dropout(silu(gate) * x)."""

    @staticmethod
    def forward(ctx: Any, gate: Tensor, x: Tensor, bits: Bits) -> Tensor:
        ctx.save_for_backward(gate, x)
        ctx.bits = bits
        out = torch.empty_like(x)
        _kernels().swiglu_forward(
            _TYPES[x.dtype], x.numel(), out.data_ptr(), gate.data_ptr(), x.data_ptr(), byref(_drop(bits))
        )
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None]:
        (gate, x), grad = ctx.saved_tensors, grads[0].contiguous()
        grad_gate, grad_x = torch.empty_like(gate), torch.empty_like(x)
        pointers = (tensor.data_ptr() for tensor in (grad_gate, grad_x, grad, gate, x))
        _kernels().swiglu_backward(_TYPES[x.dtype], x.numel(), *pointers, byref(_drop(ctx.bits)))
        return grad_gate, grad_x, None


class Norm(Function):
    """LayerNorm over the last axis, or RMSNorm where there is no bias."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, epsilon: float) -> Tensor:
        rows, columns = x.numel() // x.size(-1), x.size(-1)
        center, spread = torch.empty(rows), torch.empty(rows)
        out = torch.empty_like(x)
        _kernels().norm_forward(
            *(_TYPES[x.dtype], rows, columns, out.data_ptr(), x.data_ptr(), weight.data_ptr()),
            *(None if bias is None else bias.data_ptr(), epsilon, center.data_ptr(), spread.data_ptr()),
        )
        ctx.save_for_backward(x, weight, center, spread)
        ctx.centered = bias is not None
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor | None, None]:
        (x, weight, center, spread), grad = ctx.saved_tensors, grads[0].contiguous()
        rows, columns = x.numel() // x.size(-1), x.size(-1)
        grad_x, grad_weight = torch.empty_like(x), torch.empty(columns)
        grad_bias = torch.empty(columns) if ctx.centered else None
        _kernels().norm_backward(
            *(_TYPES[x.dtype], rows, columns, grad_x.data_ptr(), grad_weight.data_ptr()),
            None if grad_bias is None else grad_bias.data_ptr(),
            *(tensor.data_ptr() for tensor in (grad, x, weight, center, spread)),
        )
        return grad_x, grad_weight.to(x.dtype), None if grad_bias is None else grad_bias.to(x.dtype), None


class Rotation(Function):
    """Pairs of features turned by the cosine and sine (T D) of their positions."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, turns: Tensor) -> Tensor:
        ctx.turns = turns
        return _turned(x, turns, 1.0)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        return _turned(grads[0], ctx.turns, -1.0), None


def _turned(x: Tensor, turns: Tensor, direction: float) -> Tensor:
    x = _side_by_side(x)
    out = torch.empty_like(x)
    _kernels().rotate(
        *(_TYPES[x.dtype], *x.shape, out.data_ptr(), byref(_strides(out)), x.data_ptr(), byref(_strides(x))),
        *(turns.data_ptr(), direction),
    )
    return out


def adam(
    weights: Tensor,
    working: Tensor,
    gradient: Tensor,
    means: "Means",
    scale: float,
    rate: float,
    unbias: float,
    epsilon: float,
) -> None:
    """Do a step of Adam on contiguous vectors, in place."""
    copy = None if working.data_ptr() == weights.data_ptr() else working.data_ptr()
    _kernels().adam(
        *(_TYPES[gradient.dtype], weights.numel(), weights.data_ptr(), means.mean.data_ptr(), means.square.data_ptr()),
        *(gradient.data_ptr(), copy, scale, rate, means.beta1, means.beta2, unbias, epsilon),
    )


def norm(x: Tensor) -> float:
    """Return the Euclidean norm of a contiguous vector, summed in the same order by any number of threads."""
    return float(_kernels().norm(_TYPES[x.dtype], x.numel(), x.data_ptr()))


def _strides(x: Tensor) -> library.Strides:
    return library.Strides(x.stride(0), x.stride(1), x.stride(2))


def _side_by_side(x: Tensor) -> Tensor:
    return x if x.stride(3) == 1 else x.contiguous()


class Attention(Function):
    """Equation 1 with dropout on the weights, for sequences so short that all of a head stays in the cache."""

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, causal: bool, bits: Bits) -> Tensor:
        q, k, v = _side_by_side(q), _side_by_side(k), _side_by_side(v)
        sentences, heads, queries, features = q.shape
        ctx.mask = mask = None if mask is None else mask.expand(sentences, 1, 1, -1).contiguous()
        out = q.new_empty(sentences, queries, heads, features).transpose(1, 2)  # as the output projection reads it
        peaks = torch.empty(sentences * heads, queries, 2)
        ctx.causal, ctx.bits = causal, bits
        ctx.save_for_backward(q, k, v, peaks)
        _kernels().attention_forward(byref(_call(ctx, q, k, v, out, peaks)))
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        q, k, v, peaks = ctx.saved_tensors
        grad_q, grad_k, grad_v = torch.empty_like(q), torch.empty_like(k), torch.empty_like(v)
        call = _call(ctx, q, k, v, _side_by_side(grads[0]), peaks)
        call.grad_q, call.grad_k, call.grad_v = grad_q.data_ptr(), grad_k.data_ptr(), grad_v.data_ptr()
        call.grad_q_strides, call.grad_k_strides = _strides(grad_q), _strides(grad_k)
        call.grad_v_strides = _strides(grad_v)
        _kernels().attention_backward(byref(call))
        return grad_q, grad_k, grad_v, None, None, None


def _call(ctx: Any, q: Tensor, k: Tensor, v: Tensor, out: Tensor, peaks: Tensor) -> library.Attention:
    sentences, heads, queries, features = q.shape
    return library.Attention(
        *(_TYPES[q.dtype], sentences, heads, queries, k.size(2), features),
        *(None if ctx.mask is None else ctx.mask.data_ptr(), int(ctx.causal), 1.0 / math.sqrt(features)),
        *(_drop(ctx.bits), q.data_ptr(), k.data_ptr(), v.data_ptr(), _strides(q), _strides(k), _strides(v)),
        *(out.data_ptr(), _strides(out), peaks.data_ptr()),
    )


class CrossEntropy(Function):
    """Sums over the real rows of the label-smoothed loss and of the plain one; the gradient takes the logits' place."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, targets: Tensor, smoothing: float, ignore: int) -> tuple[Tensor, Tensor]:
        (rows, entries), targets = logits.shape, targets.contiguous()
        log_sums, losses = torch.empty(rows), torch.empty(rows, 2)
        _kernels().cross_entropy_forward(
            *(_TYPES[logits.dtype], rows, entries, logits.data_ptr(), targets.data_ptr(), ignore, smoothing),
            *(log_sums.data_ptr(), losses.data_ptr()),
        )
        ctx.save_for_backward(logits, targets, log_sums)
        ctx.smoothing, ctx.ignore = smoothing, ignore
        loss, nats = losses[0].clone()
        ctx.mark_non_differentiable(nats)
        return loss, nats

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None, None]:
        logits, targets, log_sums = ctx.saved_tensors
        rows, entries = logits.shape
        _kernels().cross_entropy_backward(
            *(_TYPES[logits.dtype], rows, entries, logits.data_ptr(), targets.data_ptr(), ctx.ignore),
            *(ctx.smoothing, float(grads[0]), log_sums.data_ptr()),
        )
        increment_version(logits)  # so that who asks for the logits or the gradient again is told
        return logits.detach(), None, None, None


class Embedding(Function):
    """Rows of a matrix; gradients of a row that occurs often are summed in float32."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, ids: Tensor) -> Tensor:
        ctx.ids, ctx.shape, ctx.sums = ids, weight.shape, gathering(weight)
        return torch.nn.functional.embedding(ids, weight)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, None]:
        grad = grads[0].contiguous()
        rows, order = ctx.ids.flatten().sort(stable=True)
        sums = grad.new_zeros(ctx.shape) if ctx.sums is None else ctx.sums
        _kernels().embedding_backward(
            *(_TYPES[grad.dtype], len(rows), grad.size(-1)),
            *(tensor.data_ptr() for tensor in (sums, grad, rows, order)),
        )
        return (sums if ctx.sums is None else None), None


class Linear(Function):
    """x · weightᵀ + bias, by torch's own products but for the gradient of the weight, which is summed in float32."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.sums, ctx.biased = gathering(weight), bias is not None
        ctx.bias_sums = None if bias is None else gathering(bias)
        return _projected(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        x, weight = ctx.saved_tensors
        grad = grads[0].contiguous().flatten(0, -2)
        sums = torch.zeros_like(weight) if ctx.sums is None else ctx.sums
        fresh = grad.new_zeros(len(weight)) if ctx.biased and ctx.bias_sums is None else None
        bias_sums = ctx.bias_sums if fresh is None else fresh
        rows, room = x.contiguous(), torch.empty(_kernels().matrix_room(*weight.shape))
        _kernels().matrix_backward(
            *(len(grad), *weight.shape, sums.data_ptr(), None if bias_sums is None else bias_sums.data_ptr()),
            *(grad.data_ptr(), rows.data_ptr(), room.data_ptr()),
        )
        grad_x = (grad @ weight).view(x.shape) if ctx.needs_input_grad[0] else None
        return grad_x, (sums if ctx.sums is None else None), fresh


def _projected(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return x · weightᵀ + bias.

    torch first writes the bias into every row and then adds the product to it. Where that costs, because there are far
    more features than before, the bias is a column more of the weight instead, and x has ones beside it.
    """
    if bias is None or len(weight) < 4 * weight.size(1):
        return torch.nn.functional.linear(x, weight, bias)
    ones = torch.zeros(*x.shape[:-1], 32, dtype=x.dtype)  # as many columns as the products like
    ones[..., 0] = 1.0
    column = torch.zeros(len(weight), 32, dtype=x.dtype)
    column[:, 0] = bias
    return torch.nn.functional.linear(torch.cat((x, ones), dim=-1), torch.cat((weight, column), dim=-1))


def gathering(weight: Tensor) -> Tensor | None:
    """Return where the gradient of a weight is to be added up, if its owner has asked for that."""
    return weight.grad if getattr(weight, "_gathers", False) else None


def gather(weight: Tensor) -> None:
    """Ask that gradients be added to `weight.grad` in place."""
    weight._gathers = True  # type: ignore[attr-defined]


def has_matrix_backward(*tensors: Tensor) -> bool:
    """Whether there is a kernel for the gradient of a matrix such as these that beats torch's product."""
    return fits(*tensors) and tensors[0].dtype == torch.bfloat16 and bool(library.native().table.matrix_backward)
