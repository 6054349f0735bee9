"""Ways to tell the model where a token stands: on the embedding, on queries and keys, or on the scores.

Axes    B sentences · T positions · M model size · H heads · D head size · Q, K query and key positions
First   the position of the first row: above 0 when decoding goes on from a cache
"""

import math

import torch
from jaxtyping import Complex, Float, Int
from torch import Tensor, nn

from regard.errors import ConfigError
from regard.layers import kernels
from regard.layers.configs import (
    AlibiConfig,
    LearnedConfig,
    PositionsConfig,
    RotaryConfig,
    ShawConfig,
    SinusoidalConfig,
    T2TSinusoidalConfig,
    T5Config,
)


class Positions(nn.Module):
    """No position information: every hook leaves its input alone. Variants override the hooks they need.

    One instance serves all layers of a stack; `causal` tells the decoder's from the encoder's.
    """

    def __init__(self, config: PositionsConfig, d_model: int, heads: int, *, causal: bool) -> None:
        super().__init__()
        self.causal = causal

    def add(self, x: Float[Tensor, "B T M"], first: int = 0) -> Float[Tensor, "B T M"]:
        """Change the embeddings, before the first layer."""
        return x

    def rotate(self, x: Float[Tensor, "B H T D"], first: int = 0) -> Float[Tensor, "B H T D"]:
        """Change queries or keys, in every layer."""
        return x

    def bias(self, q: Float[Tensor, "B H Q D"], keys: int, first: int = 0) -> Float[Tensor, "#B H Q K"] | None:
        """Return what is added to the scores of the queries, which stand at first, first + 1 ..."""
        return None


def sinusoids(positions: Int[Tensor, " T"], d_model: int) -> Float[Tensor, "T M"]:
    """Return sines and cosines of geometrically growing period, in turn (section 3.5)."""
    even_m = torch.arange(0, d_model, 2, device=positions.device)
    angles_Tm = positions[:, None] * torch.exp(even_m * (-math.log(10_000.0) / d_model))
    return torch.stack((angles_Tm.sin(), angles_Tm.cos()), dim=-1).flatten(1)[:, :d_model]


class SinusoidalPositions(Positions):
    """Add sines and cosines to the embeddings (Vaswani et al. 2017, section 3.5)."""

    def __init__(self, config: SinusoidalConfig, d_model: int, heads: int, *, causal: bool) -> None:
        super().__init__(config, d_model, heads, causal=causal)

    def add(self, x: Float[Tensor, "B T M"], first: int = 0) -> Float[Tensor, "B T M"]:
        places_T = torch.arange(first, first + x.size(1), device=x.device)
        return x + sinusoids(places_T, x.size(2)).to(x.dtype)


class T2TSinusoidalPositions(Positions):
    """Sines and cosines as Tensor2Tensor and fairseq make them: the slowest period is 10000 times the fastest.

    The paper's falls short of that by one step. The positions of a text count from `first` on.
    """

    def __init__(self, config: T2TSinusoidalConfig, d_model: int, heads: int, *, causal: bool) -> None:
        super().__init__(config, d_model, heads, causal=causal)
        if d_model < 4 or d_model % 2:
            raise ConfigError(f"needs an even d_model of 4 or more, not {d_model}", where="positions")
        self.first = config.first

    def add(self, x: Float[Tensor, "B T M"], first: int = 0) -> Float[Tensor, "B T M"]:
        start, half = self.first + first, x.size(2) // 2
        steps_m = torch.arange(half, device=x.device) * (-math.log(10_000.0) / (half - 1))
        angles_Tm = torch.arange(start, start + x.size(1), device=x.device)[:, None] * steps_m.exp()
        return x + torch.stack((angles_Tm.sin(), angles_Tm.cos()), dim=-1).flatten(1).to(x.dtype)


class LearnedPositions(Positions):
    """Add a learnt vector for each position to the embeddings (Gehring et al. 2017)."""

    def __init__(self, config: LearnedConfig, d_model: int, heads: int, *, causal: bool) -> None:
        super().__init__(config, d_model, heads, causal=causal)
        self.table = nn.Parameter(torch.empty(config.longest, d_model))
        nn.init.normal_(self.table, std=d_model**-0.5)

    def add(self, x: Float[Tensor, "B T M"], first: int = 0) -> Float[Tensor, "B T M"]:
        places_T = torch.arange(first, first + x.size(1), device=x.device)
        return x + self.table[places_T.clamp(max=len(self.table) - 1)]


class RotaryPositions(Positions):
    """Rotate pairs of neighbouring features by an angle that grows with the position (Su et al. 2021).

    A pair is a complex number, so that rotating is one product. The match of a rotated query with a rotated key
    depends on their distance alone.
    """

    def __init__(self, config: RotaryConfig, d_model: int, heads: int, *, causal: bool) -> None:
        super().__init__(config, d_model, heads, causal=causal)
        if d_model // heads % 2:
            raise ConfigError(f"rotary positions need heads of even size, not {d_model // heads}", where="positions")
        self.base, self.pairs = config.base, d_model // heads // 2
        self._turns: dict[tuple[torch.dtype, torch.device], Complex[Tensor, "T pairs"]] = {}

    def rotate(self, x: Float[Tensor, "B H T D"], first: int = 0) -> Float[Tensor, "B H T D"]:
        last = first + x.size(2)
        key = torch.promote_types(x.dtype, torch.float32), x.device
        if key not in self._turns or len(self._turns[key]) < last:
            with torch.inference_mode(mode=False):  # for what is kept may serve a training later
                self._turns[key] = self.turns(max(64, 2 * last), *key)
        return kernels.rotate(x, self._turns[key][first:last])

    def turns(self, length: int, dtype: torch.dtype, device: torch.device) -> Complex[Tensor, "T pairs"]:
        """Return the turn of every pair at the positions from 0 on, as complex numbers of size 1."""
        places_T1 = torch.arange(length, device=device, dtype=dtype)[:, None]
        angles_Td = places_T1 * self.base ** (-torch.arange(self.pairs, device=device, dtype=dtype) / self.pairs)
        return torch.polar(torch.ones_like(angles_Td), angles_Td)


def distances(queries: int, keys: int, first: int, device: torch.device) -> Int[Tensor, "Q K"]:
    """Return key position minus query position."""
    return torch.arange(keys, device=device) - torch.arange(first, first + queries, device=device)[:, None]


class ShawPositions(Positions):
    """Match each query with a learnt vector for the distance to the key (Shaw et al. 2018, equation 4).

    Their second table, added to the values, brought nothing in their own table 3 and is left out.
    """

    def __init__(self, config: ShawConfig, d_model: int, heads: int, *, causal: bool) -> None:
        super().__init__(config, d_model, heads, causal=causal)
        self.farthest = config.distance
        self.table = nn.Parameter(torch.empty(2 * config.distance + 1, d_model // heads))
        nn.init.xavier_uniform_(self.table)

    def bias(self, q: Float[Tensor, "B H Q D"], keys: int, first: int = 0) -> Float[Tensor, "#B H Q K"]:
        far_QK = distances(q.size(2), keys, first, q.device).clamp(-self.farthest, self.farthest) + self.farthest
        matches_BHQN = q @ self.table.T / math.sqrt(q.size(3))
        return matches_BHQN.gather(3, far_QK.expand(*q.shape[:2], -1, -1))


class T5Positions(Positions):
    """Add a learnt number for each head and distance; far distances share buckets (Raffel et al. 2020, section 2.1)."""

    def __init__(self, config: T5Config, d_model: int, heads: int, *, causal: bool) -> None:
        super().__init__(config, d_model, heads, causal=causal)
        self.buckets, self.farthest = config.buckets, config.distance
        self.table = nn.Parameter(torch.empty(heads, config.buckets))
        nn.init.normal_(self.table, std=0.02)

    def bias(self, q: Float[Tensor, "B H Q D"], keys: int, first: int = 0) -> Float[Tensor, "#B H Q K"]:
        return self.table[:, self.bucket(distances(q.size(2), keys, first, q.device))][None]

    def bucket(self, distance_QK: Int[Tensor, "Q K"]) -> Int[Tensor, "Q K"]:
        """Return the bucket of each distance: exact ones near, logarithmic ones far; half look ahead in an encoder."""
        ahead_QK = torch.zeros_like(distance_QK)
        buckets = self.buckets
        if not self.causal:
            buckets //= 2
            ahead_QK = (distance_QK > 0).long() * buckets
            distance_QK = -distance_QK.abs()
        near = buckets // 2
        back_QK = (-distance_QK).clamp(min=0)
        ratio_QK = (back_QK.clamp(min=1) / near).log() / math.log(self.farthest / near)
        far_QK = (near + (ratio_QK * (buckets - near)).long()).clamp(max=buckets - 1)
        return ahead_QK + torch.where(back_QK < near, back_QK, far_QK)


class AlibiPositions(Positions):
    """Lower the scores in proportion to the distance, with a slope per head (Press et al. 2022)."""

    def __init__(self, config: AlibiConfig, d_model: int, heads: int, *, causal: bool) -> None:
        super().__init__(config, d_model, heads, causal=causal)
        self.heads = heads

    def bias(self, q: Float[Tensor, "B H Q D"], keys: int, first: int = 0) -> Float[Tensor, "#B H Q K"]:
        slopes_H = 2.0 ** (-8.0 * torch.arange(1, self.heads + 1, device=q.device) / self.heads)
        far_QK = distances(q.size(2), keys, first, q.device).abs()
        return (-slopes_H[:, None, None] * far_QK)[None].to(q.dtype)
