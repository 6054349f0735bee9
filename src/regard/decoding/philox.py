"""Philox 4x32-10: random numbers that are a function of a counter and a key, with no state.

Axes    R rows
Source  Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", section 3.3
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

_MASK = 0xFFFFFFFF
_ROUNDS = 10


def philox(counters: Int[Tensor, "R 4"], key: tuple[int, int]) -> Int[Tensor, "R 4"]:
    """Return four 32-bit words for each counter; counters and keys are 32-bit words too."""
    a, b, c, d = counters.unbind(1)
    key_0, key_1 = key
    for _ in range(_ROUNDS):
        # An overflow loses nothing: the product's 64 bits are the same with and without a sign.
        product_0, product_1 = a * 0xD2511F53, c * 0xCD9E8D57
        a, b = (product_1 >> 32) & _MASK ^ b ^ key_0, product_1 & _MASK
        c, d = (product_0 >> 32) & _MASK ^ d ^ key_1, product_0 & _MASK
        key_0, key_1 = (key_0 + 0x9E3779B9) & _MASK, (key_1 + 0xBB67AE85) & _MASK
    return torch.stack((a, b, c, d), dim=1)


def uniforms(seed: int, names: Int[Tensor, "R 2"], steps: int) -> Float[Tensor, "R T"]:
    """Return one number from 0 to below 1 per row and step: a function of the seed, the row's names and the step.

    Of the names (of a sentence and its sample) and the seed 64, 32 and 64 bits count. The numbers are multiples of
    2^-23, so that their product with a float32 is below that float32.
    """
    blocks = torch.arange((steps + 3) // 4)
    rows, columns = torch.meshgrid(torch.arange(len(names)), blocks, indexing="ij")
    sentences, samples = names[rows.flatten()].unbind(1)
    counters = torch.stack((columns.flatten(), samples & _MASK, sentences & _MASK, (sentences >> 32) & _MASK), dim=1)
    words = philox(counters, (seed & _MASK, (seed >> 32) & _MASK))
    return (words >> 9).float().view(len(names), -1)[:, :steps] / 2**23
