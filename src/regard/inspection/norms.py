"""How much can come of a value: its length behind the output projection.

A large weight on a short vector moves nothing. What a head adds for a token is weight · value · W_O, and the length of
that is the weight times the length that is computed here.

Axes    B sentences · K key positions · H heads · D head size · M model size
Source  Kobayashi et al. 2020, section 3
"""

import torch
from jaxtyping import Float
from torch import Tensor

from regard.layers.attention import Attention, MultiHeadAttention


def projected_values(attention: Attention, values: Float[Tensor, "B H K D"]) -> Float[Tensor, "B H K M"]:
    """Return what each value of each head becomes behind the output projection, without its bias."""
    if not isinstance(attention, MultiHeadAttention):
        return values  # additive attention passes them on as they are
    slices_MHD = attention.output.weight.unflatten(1, (attention.heads, -1))
    return torch.einsum("bhkd,mhd->bhkm", values, slices_MHD)


def value_norms(attention: Attention, values: Float[Tensor, "B H K D"]) -> Float[Tensor, "B H K"]:
    """Return the length of each projected value."""
    return projected_values(attention, values).norm(dim=-1)
