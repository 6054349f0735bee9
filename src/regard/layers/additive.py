"""Additive attention: a small network judges how well a query matches a key.

Axes    B sentences · H heads (here 1) · Q query positions · K key positions · D head size (here M) · M model size
Source  Bahdanau et al. 2015, section 3.1 and appendix A.1.2
"""

from jaxtyping import Bool, Float
from torch import Tensor

from regard.layers import kernels
from regard.layers.attention import Attention, AttentionCall, AttentionObserver
from regard.layers.cache import KeysValues


class AdditiveAttention(Attention):
    """Average the values under softmax(vᵀ tanh(W q + U k)).

    As there is but one road, the weights exist anyway; an observer sees the projected queries and keys.
    """

    def __init__(self, d_model: int, dropout: float = 0.0) -> None:
        super().__init__(dropout)
        self.query = kernels.Linear(d_model, d_model)
        self.key = kernels.Linear(d_model, d_model, bias=False)  # the query's bias is enough: the two are summed
        self.judge = kernels.Linear(d_model, 1, bias=False)

    def keys_values(self, memory: Float[Tensor, "B K M"]) -> KeysValues:
        """Project what is attended to, once for all queries to come; the values are the memory as it is."""
        return KeysValues(self.key(memory)[:, None], memory[:, None])

    def weights(
        self,
        q: Float[Tensor, "B H Q D"],
        k: Float[Tensor, "B H K D"],
        mask: Bool[Tensor, "#B #H #Q K"] | None = None,
    ) -> Float[Tensor, "B H Q K"]:
        """Return how much each projected query attends to each projected key; rows sum to 1."""
        return kernels.additive_weights(q, k, self.judge.weight, mask)

    def forward(
        self, x: Float[Tensor, "B Q M"], source: KeysValues, mask: Bool[Tensor, "B 1 1 K"]
    ) -> Float[Tensor, "B Q M"]:
        q_BHQD, observer = self.query(x)[:, None], self.observer or AttentionObserver()
        weights_BHQK = self.weights(q_BHQD, source.keys, mask)
        weights_BHQK = observer.weights(AttentionCall(q_BHQD, source.keys, source.values, weights_BHQK, mask))
        return observer.context(kernels.dropout(weights_BHQK, self.dropout) @ source.values)[:, 0]
