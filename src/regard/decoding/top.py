"""The greatest few of each row, in an order that leaves nothing to chance.

Axes    R rows · V values of a row · k the greatest of them

`torch.topk` may return equal values in any order, and on a processor it takes longer than the softmax before it.
Here equal values come in the order of their places, and most values are only read once: the k greatest values lie in
the k blocks with the greatest maxima, since every block before another (by maximum, then place) has a value before
all of the other's.
"""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor

_BLOCK = 32  # values; near √(V / k) for common vocabularies, where both passes cost the same
_LOW = 0xFFFFFFFF


def top(values: Float[Tensor, "R V"], k: int) -> tuple[Float[Tensor, "R k"], Int[Tensor, "R k"]]:
    """Return the k greatest float32 values of each row, greatest first, and their places; k is at most V.

    NaN counts as greater than any number.
    """
    width = values.size(1)
    if width <= 4 * _BLOCK * k:
        return _top(values, torch.arange(width, device=values.device), k)
    whole = width - width % _BLOCK
    maxima_Rb = values[:, :whole].unflatten(1, (-1, _BLOCK)).amax(-1)
    if whole < width:
        maxima_Rb = torch.cat((maxima_Rb, values[:, whole:].amax(-1, keepdim=True)), dim=1)
    _, blocks_Rk = _top(maxima_Rb, torch.arange(maxima_Rb.size(1), device=values.device), k)
    inside = torch.arange(_BLOCK, device=values.device)
    places_Rc = (blocks_Rk[:, :, None] * _BLOCK + inside).flatten(1)
    candidates_Rc = values.gather(1, places_Rc.clamp(max=width - 1))
    if whole < width:
        candidates_Rc = candidates_Rc.masked_fill(places_Rc >= width, -math.inf)
    return _top(candidates_Rc, places_Rc, k)


def _top(values_Rc: Tensor, places: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Sort by one integer: the bits of the float, made to grow with it, above the place counted from the end."""
    bits_Rc = (values_Rc + 0.0).view(torch.int32)  # + 0.0 makes −0 equal to 0
    ordered_Rc = torch.where(bits_Rc < 0, bits_Rc ^ 0x7FFFFFFF, bits_Rc).long()
    keys_Rk, columns_Rk = ((ordered_Rc << 32) + (_LOW - places)).topk(k)
    return values_Rc.gather(1, columns_Rk), _LOW - (keys_Rk & _LOW)
