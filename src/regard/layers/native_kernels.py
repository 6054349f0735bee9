"""The operations of `kernels` by the native library: the same results to rounding, the same dropout masks to the bit.

Each works on contiguous tensors of float32 or bfloat16 on the CPU; `fits` tells which. The arithmetic is in float32,
whatever the type of the tensors.

Products and losses stand in `native_products`.

Axes    B sentences · H heads · Q query positions · K key positions · D head size · M model size
"""

import math
from ctypes import byref
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.autograd import Function

from regard.layers.noise import Bits
from regard.native import library

if TYPE_CHECKING:
    from regard.layers.kernels import Means

TYPES = {torch.float32: 0, torch.bfloat16: 1}
"""The types of tensors, as the library counts them."""

RELU, GELU = 0, 1
"""The activations, as the library counts them."""


def fits(*tensors: Tensor) -> bool:
    """Whether the library is there and takes tensors such as these, and no graph is exported."""
    first = tensors[0]
    return (
        first.dtype in TYPES
        and first.device.type == "cpu"
        and all(tensor.dtype == first.dtype for tensor in tensors)
        and library.native().table is not None
        and not torch.compiler.is_exporting()
    )


def table() -> Any:
    """Return the library's kernels, to be run by as many threads as torch has."""
    return library.native().kernels(torch.get_num_threads())


def address(tensor: Tensor | None) -> int | None:
    """Return where a tensor's first entry lies, as the library wants to know it."""
    return None if tensor is None else tensor.data_ptr()


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
        table().dropout(TYPES[x.dtype], x.numel(), out.data_ptr(), x.data_ptr(), byref(_drop(bits)))
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        return _dropped(grads[0], ctx.bits), None


def _dropped(grad: Tensor, bits: Bits) -> Tensor:
    grad = grad.contiguous()
    out = torch.empty_like(grad)
    table().dropout(TYPES[grad.dtype], grad.numel(), out.data_ptr(), grad.data_ptr(), byref(_drop(bits)))
    return out


class Activation(Function):
    """dropout(relu(x)) or dropout(gelu(x))."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, bits: Bits, which: int) -> Tensor:
        ctx.save_for_backward(x)
        ctx.bits, ctx.which = bits, which
        out = torch.empty_like(x)
        table().activation_forward(TYPES[x.dtype], which, x.numel(), out.data_ptr(), x.data_ptr(), byref(_drop(bits)))
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        (x,), grad = ctx.saved_tensors, grads[0].contiguous()
        out = torch.empty_like(x)
        table().activation_backward(
            TYPES[x.dtype],
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
        table().swiglu_forward(
            TYPES[x.dtype], x.numel(), out.data_ptr(), gate.data_ptr(), x.data_ptr(), byref(_drop(bits))
        )
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None]:
        (gate, x), grad = ctx.saved_tensors, grads[0].contiguous()
        grad_gate, grad_x = torch.empty_like(gate), torch.empty_like(x)
        pointers = (tensor.data_ptr() for tensor in (grad_gate, grad_x, grad, gate, x))
        table().swiglu_backward(TYPES[x.dtype], x.numel(), *pointers, byref(_drop(ctx.bits)))
        return grad_gate, grad_x, None


class Norm(Function):
    """LayerNorm over the last axis, or without bias RMSNorm: of x, or of x + dropout(branch), which it gives too."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, branch: Tensor | None, bits: Bits, weight: Tensor, bias: Tensor | None, epsilon: float
    ) -> tuple[Tensor, ...]:
        total = x if branch is None else torch.empty_like(x)
        ctx.save_for_backward(total, weight)
        ctx.bits, ctx.branched, ctx.centered = bits, branch is not None, bias is not None
        ctx.center, ctx.spread = torch.empty(2, x.numel() // x.size(-1))
        ctx.set_materialize_grads(False)
        out = torch.empty_like(x)
        table().norm_forward(
            *(TYPES[x.dtype], *_rows(x), out.data_ptr(), x.data_ptr()),
            *(address(branch), total.data_ptr(), byref(_drop(bits)), weight.data_ptr(), address(bias), epsilon),
            *(ctx.center.data_ptr(), ctx.spread.data_ptr()),
        )
        return (out,) if branch is None else (out, total)

    @staticmethod
    def backward(ctx: Any, grad: Tensor | None, beside: Tensor | None = None) -> tuple[Tensor | None, ...]:
        total, weight = ctx.saved_tensors
        beside = None if beside is None else beside.contiguous()
        grad = torch.zeros_like(total) if grad is None else grad.contiguous()
        grad_x, columns = torch.empty_like(total), total.size(-1)
        grad_branch = torch.empty_like(total) if ctx.branched else None
        grad_weight, grad_bias = torch.empty(columns), torch.empty(columns) if ctx.centered else None
        table().norm_backward(
            *(TYPES[total.dtype], *_rows(total), grad_x.data_ptr(), address(grad_branch)),
            *(grad_weight.data_ptr(), address(grad_bias), grad.data_ptr(), address(beside), byref(_drop(ctx.bits))),
            *(tensor.data_ptr() for tensor in (total, weight, ctx.center, ctx.spread)),
        )
        grad_bias = None if grad_bias is None else grad_bias.to(total.dtype)
        return grad_x, grad_branch, None, grad_weight.to(total.dtype), grad_bias, None


def _rows(x: Tensor) -> tuple[int, int]:
    return x.numel() // x.size(-1), x.size(-1)


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
    table().rotate(
        *(TYPES[x.dtype], *x.shape, out.data_ptr(), byref(_strides(out)), x.data_ptr(), byref(_strides(x))),
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
    table().adam(
        *(TYPES[gradient.dtype], weights.numel(), weights.data_ptr(), means.mean.data_ptr(), means.square.data_ptr()),
        *(gradient.data_ptr(), copy, scale, rate, means.beta1, means.beta2, unbias, epsilon),
    )


def norm(x: Tensor) -> float:
    """Return the Euclidean norm of a contiguous vector, summed in the same order by any number of threads."""
    return float(table().norm(TYPES[x.dtype], x.numel(), x.data_ptr()))


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
        table().attention_forward(byref(_call(ctx, q, k, v, out, peaks)))
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        q, k, v, peaks = ctx.saved_tensors
        grad_q, grad_k, grad_v = torch.empty_like(q), torch.empty_like(k), torch.empty_like(v)
        call = _call(ctx, q, k, v, _side_by_side(grads[0]), peaks)
        call.grad_q, call.grad_k, call.grad_v = grad_q.data_ptr(), grad_k.data_ptr(), grad_v.data_ptr()
        call.grad_q_strides, call.grad_k_strides = _strides(grad_q), _strides(grad_k)
        call.grad_v_strides = _strides(grad_v)
        table().attention_backward(byref(call))
        return grad_q, grad_k, grad_v, None, None, None


def _call(ctx: Any, q: Tensor, k: Tensor, v: Tensor, out: Tensor, peaks: Tensor) -> library.Attention:
    sentences, heads, queries, features = q.shape
    return library.Attention(
        *(TYPES[q.dtype], sentences, heads, queries, k.size(2), features),
        *(address(ctx.mask), int(ctx.causal), 1.0 / math.sqrt(features)),
        *(_drop(ctx.bits), q.data_ptr(), k.data_ptr(), v.data_ptr(), _strides(q), _strides(k), _strides(v)),
        *(out.data_ptr(), _strides(out), peaks.data_ptr()),
    )
