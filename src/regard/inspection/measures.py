"""What can be said of attention weights in numbers.

Axes    H heads · Q query positions · K key positions
"""

import torch
from jaxtyping import Float
from torch import Tensor

from regard.errors import UnsupportedError
from regard.inspection.maps import AttentionMap
from regard.inspection.trace import AttentionTrace


def entropy(weights: Float[Tensor, "*B Q K"]) -> Float[Tensor, "*B Q"]:
    """Return how spread out each row is, in nats: 0 if it looks at one key, log K if at all K alike."""
    return torch.special.entr(weights).sum(dim=-1)


def sharpest_map(trace: AttentionTrace) -> AttentionMap:
    """Return the encoder-decoder attention of the layer whose heads, taken together, are least spread out.

    Raises UnsupportedError if the model has none.
    """
    layers = [weights_HQK.mean(dim=0) for weights_HQK in trace.layers["encoder-decoder"]]
    if not layers:
        raise UnsupportedError("has no encoder-decoder attention", where="model", hint="there is nothing to draw")
    spread = [float(entropy(weights_QK).mean()) for weights_QK in layers]
    best = min(range(len(layers)), key=spread.__getitem__)
    heads = len(trace.layers["encoder-decoder"][best])
    of_heads = f"mean of {heads} heads" if heads > 1 else "its only head"
    title = f"Encoder-decoder attention, layer {best + 1} of {len(layers)}, {of_heads}"
    chosen = f"{title}; the sharpest layer, {spread[best]:.2f} nats" if len(layers) > 1 else title
    return AttentionMap(chosen, trace.target_out, trace.source, layers[best].float().numpy())
