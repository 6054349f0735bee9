"""Linear maps, embeddings and losses by the native library, as `native_kernels` has the rest.

Axes    M model size · N features of a linear map · V vocabulary · R rows
"""

from collections.abc import Sequence
from ctypes import byref
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.graph import increment_version

from regard.layers.native_kernels import TYPES, address, fits, table
from regard.native import library


class CrossEntropy(Function):
    """Sums over the real rows of the label-smoothed loss and of the plain one; the gradient takes the logits' place."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, targets: Tensor, smoothing: float, ignore: int) -> tuple[Tensor, Tensor]:
        (rows, entries), targets = logits.shape, targets.contiguous()
        log_sums, losses = torch.empty(rows), torch.empty(rows, 2)
        table().cross_entropy_forward(
            *(TYPES[logits.dtype], rows, entries, logits.data_ptr(), targets.data_ptr(), ignore, smoothing),
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
        table().cross_entropy_backward(
            *(TYPES[logits.dtype], rows, entries, logits.data_ptr(), targets.data_ptr(), ctx.ignore),
            *(ctx.smoothing, float(grads[0]), log_sums.data_ptr()),
        )
        increment_version(logits)  # so that who asks for the logits or the gradient again is told
        return logits.detach(), None, None, None


class ProjectedCrossEntropy(Function):
    """`CrossEntropy` of x · weightᵀ + bias, which is made in pieces, twice, and never whole."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor, smoothing: float, ignore: int
    ) -> tuple[Tensor, Tensor]:
        log_sums, losses = torch.empty(len(x)), torch.empty(len(x), 2)
        tensors = x, weight, bias, targets.contiguous(), log_sums
        ctx.save_for_backward(*tensors)
        ctx.smoothing, ctx.ignore = smoothing, ignore
        ctx.sums, ctx.bias_sums = gathering(weight), None if bias is None else gathering(bias)
        call, _room = _projected_loss(ctx, *tensors)
        table().projected_loss_forward(byref(call), losses.data_ptr())
        loss, nats = losses[0].clone()
        ctx.mark_non_differentiable(nats)
        return loss, nats

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, bias = ctx.saved_tensors[:3]
        grad_x = torch.empty_like(x)
        fresh = torch.zeros_like(weight) if ctx.sums is None else None
        fresh_bias = torch.zeros_like(bias) if bias is not None and ctx.bias_sums is None else None
        sums, bias_sums = (ctx.sums if fresh is None else fresh), (ctx.bias_sums if fresh_bias is None else fresh_bias)
        call, _room = _projected_loss(ctx, *ctx.saved_tensors)
        table().projected_loss_backward(
            *(byref(call), float(grads[0]), grad_x.data_ptr(), sums.data_ptr(), address(bias_sums))
        )
        return grad_x, fresh, fresh_bias, None, None, None


def _projected_loss(
    ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor, log_sums: Tensor
) -> tuple[library.ProjectedLoss, Tensor]:
    """Return a call, and the memory that it works in."""
    sizes = (*x.shape, len(weight))
    room = torch.empty(table().projected_loss_room(*sizes))
    call = library.ProjectedLoss(
        *(*sizes, x.data_ptr(), weight.data_ptr(), address(bias), targets.data_ptr(), ctx.ignore, ctx.smoothing),
        *(log_sums.data_ptr(), room.data_ptr()),
    )
    return call, room


def has_projected_loss(x: Tensor, weight: Tensor) -> bool:
    """Whether there is a kernel for the cross-entropy of a product such as this that beats the product and its loss."""
    kernel = fits(x, weight) and x.dtype == torch.bfloat16 and library.native().table.projected_loss_forward
    return bool(kernel) and weight.size(1) % 32 == 0 and weight.size(1) <= 256


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
        table().embedding_backward(
            *(TYPES[grad.dtype], len(rows), grad.size(-1)),
            *(tensor.data_ptr() for tensor in (sums, grad, rows, order)),
        )
        return (sums if ctx.sums is None else None), None


class Linear(Function):
    """x · weightᵀ + bias for each of several weights and biases; gradients of weights are summed in float32."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, *pairs: Any) -> tuple[Tensor, ...]:
        x, weights, biases = x.contiguous(), pairs[::2], pairs[1::2]
        ctx.save_for_backward(x, *weights)
        ctx.sums = [gathering(weight) for weight in weights]
        ctx.biased = [bias is not None for bias in biases]
        ctx.bias_sums = [None if bias is None else gathering(bias) for bias in biases]
        if not _small(weights):
            return tuple(_projected(x, weight, bias) for weight, bias in zip(weights, biases, strict=True))
        outs = [x.new_empty(*x.shape[:-1], len(weight)) for weight in weights]
        maps, room = _maps(weights, biases, outs)
        tokens, columns = x.numel() // x.size(-1), x.size(-1)
        table().linear_forward(tokens, columns, x.data_ptr(), len(outs), maps, room.data_ptr())
        return tuple(outs)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x, *weights = ctx.saved_tensors
        grads = tuple(grad.contiguous() for grad in grads)
        fresh = [torch.zeros_like(w) if sums is None else None for w, sums in zip(weights, ctx.sums, strict=True)]
        fresh_biases = [
            grad.new_zeros(grad.size(-1)) if biased and sums is None else None
            for grad, biased, sums in zip(grads, ctx.biased, ctx.bias_sums, strict=True)
        ]
        sums, bias_sums = _first(ctx.sums, fresh), _first(ctx.bias_sums, fresh_biases)
        small, grad_x = _small(weights), None
        if ctx.needs_input_grad[0] and small:
            grad_x = torch.empty_like(x)
        elif ctx.needs_input_grad[0]:
            grad_x = grads[0] @ weights[0]
            for grad, weight in zip(grads[1:], weights[1:], strict=True):
                grad_x.view(-1, x.size(-1)).addmm_(grad.flatten(0, -2), weight)
        maps, room = _maps(weights, [None] * len(grads), grads, sums, bias_sums)
        table().linear_backward(
            *(x.numel() // x.size(-1), x.size(-1), address(grad_x) if small else None),
            *(x.data_ptr(), len(grads), maps, room.data_ptr()),
        )
        return grad_x, *(tensor for pair in zip(fresh, fresh_biases, strict=True) for tensor in pair)


def _first(ours: Sequence[Tensor | None], others: Sequence[Tensor | None]) -> list[Tensor | None]:
    return [other if one is None else one for one, other in zip(ours, others, strict=True)]


def _small(weights: Sequence[Tensor]) -> bool:
    """Whether the library's products beat torch's: all weights stay in the cache while rows pass by."""
    entries = sum(weight.numel() for weight in weights)
    return entries <= _CACHED and len(weights) <= _MAPS and all(n % 32 == 0 for w in weights for n in w.shape)


_CACHED, _MAPS = 3 << 16, 16


def _maps(weights: Sequence[Tensor], *others: Sequence[Tensor | None]) -> tuple[Any, Tensor]:
    """Return linear maps as the library takes them, and the memory that it works in."""
    rows = [
        library.LinearMap(len(weight), *map(address, (weight, *more)))
        for weight, *more in zip(weights, *others, strict=True)
    ]
    maps = (library.LinearMap * len(rows))(*rows)
    return maps, torch.empty(table().linear_room(weights[0].size(1), len(rows), maps))


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


def has_linear(*tensors: Tensor) -> bool:
    """Whether there is a kernel for linear maps such as these that beats torch's products."""
    return fits(*tensors) and tensors[0].dtype == torch.bfloat16 and bool(library.native().table.linear_backward)
