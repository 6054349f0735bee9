"""The Transformer (Vaswani et al. 2017, figure 1).

Axes    B sentences · S source positions · T target positions · M model size · R rows (hypotheses) · V vocabulary
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from regard.data.batch import Batch, PaddedTokens
from regard.layers import kernels
from regard.layers.attention import CausalSelfAttention, EncoderDecoderAttention, SelfAttention
from regard.layers.cache import KeysValues, KeyValueCache, NoCache
from regard.layers.copying import CopyKeys, NoCopyKeys
from regard.layers.positions import Positions
from regard.layers.residual import Stream, build_norm
from regard.models.base import Memory, Seq2SeqModel
from regard.models.configs import TransformerConfig
from regard.registry import load_object


class Layer(nn.Module):
    """What encoder and decoder layers share: how sub-layers are made and wrapped in residual connections."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self._config = config

    def residual(self) -> nn.Module:
        """Make a residual connection."""
        c = self._config
        return load_object(c.residual.part)(c.residual, c.norm, c.d_model, c.dropout)

    def attention(self, kind: type[nn.Module]) -> nn.Module:
        """Make an attention."""
        c = self._config
        return kind(c.d_model, c.heads, c.attention_dropout, c.key_value_heads, biases=c.biases)

    def feed_forward(self) -> nn.Module:
        """Make a feed-forward layer."""
        c = self._config
        return load_object(c.feed_forward.part)(c.feed_forward, c.d_model, c.d_ff, c.inner_dropout, biases=c.biases)


class EncoderLayer(Layer):
    """Self-attention, then a feed-forward layer."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__(config)
        self.self_attention, self.around_self = self.attention(SelfAttention), self.residual()
        self.widening, self.around_widening = self.feed_forward(), self.residual()

    def forward(self, x: Stream, mask: Bool[Tensor, "B 1 1 S"], positions: Positions) -> Stream:
        x = self.around_self(x, lambda y: self.self_attention(y, mask, positions))
        return self.around_widening(x, self.widening)


class DecoderLayer(Layer):
    """Causal self-attention, encoder-decoder attention, then a feed-forward layer."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__(config)
        self.self_attention, self.around_self = self.attention(CausalSelfAttention), self.residual()
        self.source_attention, self.around_source = self.attention(EncoderDecoderAttention), self.residual()
        self.widening, self.around_widening = self.feed_forward(), self.residual()

    def forward(
        self,
        x: Stream,
        source: KeysValues,
        mask: Bool[Tensor, "R 1 1 S"],
        positions: Positions,
        cache: KeyValueCache | NoCache,
    ) -> Stream:
        x = self.around_self(x, lambda y: self.self_attention(y, positions, cache))
        x = self.around_source(x, lambda y: self.source_attention(y, source, mask))
        return self.around_widening(x, self.widening)


class Stack(nn.Module):
    """What encoder and decoder share: positions, layers and a closing norm."""

    def __init__(self, config: TransformerConfig, layers: Sequence[Layer], *, causal: bool) -> None:
        super().__init__()
        self.positions = load_object(config.positions.part)(
            config.positions, config.d_model, config.heads, causal=causal
        )
        self.entrance = build_norm(config.norm, config.d_model) if config.embedding_norm else nn.Identity()
        self.layers: Any = nn.ModuleList(layers)  # whose type forgets the layers' attributes
        self.final = load_object(config.residual.part).final(config.norm, config.d_model)
        self.p = config.dropout

    def enter(self, embedded: Float[Tensor, "B T M"], first: int = 0) -> Stream:
        """Add positions and drop out, before the first layer (section 5.4)."""
        placed = self.entrance(self.positions.add(embedded, first))
        return Stream(kernels.dropout(placed, self.p if self.training else 0.0))

    def leave(self, x: Stream) -> Float[Tensor, "B T M"]:
        """Close the stack, after the last layer."""
        return x.normed(self.final)[1]


class Encoder(Stack):
    """Source embeddings to memory."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__(config, [EncoderLayer(config) for _ in range(config.encoder_layers)], causal=False)

    def forward(self, embedded: Float[Tensor, "B S M"], mask: Bool[Tensor, "B 1 1 S"]) -> Float[Tensor, "B S M"]:
        x = self.enter(embedded)
        for layer in self.layers:
            x = layer(x, mask, self.positions)
        return self.leave(x)


class Decoder(Stack):
    """Target embeddings and memory to hidden vectors that predict the next token."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__(config, [DecoderLayer(config) for _ in range(config.decoder_layers)], causal=True)

    def sources(self, hidden: Float[Tensor, "B S M"]) -> tuple[KeysValues, ...]:
        """Project the memory to keys and values, once for each layer."""
        return tuple(layer.source_attention.keys_values(hidden) for layer in self.layers)

    def forward(
        self,
        embedded: Float[Tensor, "R T M"],
        sources: Sequence[KeysValues],
        mask: Bool[Tensor, "R 1 1 S"],
        caches: Sequence[KeyValueCache | NoCache],
    ) -> Float[Tensor, "R T M"]:
        x = self.enter(embedded, caches[0].length)
        for layer, source, cache in zip(self.layers, sources, caches, strict=True):
            x = layer(x, source, mask, self.positions, cache)
        return self.leave(x)


@dataclass(frozen=True, slots=True)
class TransformerState:
    """Caches of every decoder layer; `sentences` tells which source each row belongs to."""

    caches: tuple[KeyValueCache, ...]
    sources: tuple[KeysValues, ...]
    mask: Bool[Tensor, "R 1 1 S"]
    copy_keys: CopyKeys | NoCopyKeys
    sentences: Int[Tensor, " R"]

    def select(self, rows: Int[Tensor, " R"]) -> "TransformerState":
        """Return the state of the given rows; the source is copied only if rows change their sentence."""
        caches = tuple(cache.select(rows) for cache in self.caches)
        sentences = self.sentences[rows]
        if torch.equal(sentences, self.sentences):
            return replace(self, caches=caches)
        sources = tuple(source.select(rows) for source in self.sources)
        return TransformerState(caches, sources, self.mask[rows], self.copy_keys.select(rows), sentences)


class Transformer(Seq2SeqModel):
    """Encoder, decoder, the embeddings around them, and what can be copied."""

    config: TransformerConfig

    def __init__(self, config: TransformerConfig, source_size: int, target_size: int) -> None:
        super().__init__()
        self.config = config
        self.embeddings = load_object(config.embeddings.part)(
            config.embeddings, source_size, target_size, config.d_model, biases=config.biases
        )
        self.ngrams = load_object(config.ngrams.part)(config.ngrams, source_size, config.d_model)
        self.encoder, self.decoder = Encoder(config), Decoder(config)
        self.copying = load_object(config.copying.part)(config.copying, config.d_model, biases=config.biases)
        self.initialise()

    @torch.no_grad()
    def initialise(self) -> None:
        """Draw the weights: Glorot-uniform matrices, zero biases; what closes a residual branch starts smaller.

        The smaller start (Radford et al. 2019, section 2.3) keeps the sum of all branches at variance 1.
        """
        branches = 2 * self.config.encoder_layers, 3 * self.config.decoder_layers
        for stack, depth in zip((self.encoder, self.decoder), branches, strict=True):
            for name, module in stack.named_modules():
                if isinstance(module, nn.Linear):
                    closes = name.endswith((".output", ".narrow"))
                    nn.init.xavier_uniform_(module.weight, gain=depth**-0.5 if closes else 1.0)
                    if module.bias is not None:
                        nn.init.zeros_(module.bias)

    def teacher_forced(self, batch: Batch) -> tuple[Float[Tensor, "B T M"], CopyKeys | NoCopyKeys]:
        memory = self.encode(batch.source)
        embedded = self.embeddings.target(batch.target_in.ids)
        caches = [NoCache()] * len(self.decoder.layers)
        hidden = self.decoder(embedded, self.decoder.sources(memory.hidden), memory.mask, caches)
        return hidden, self.copy_keys(memory)

    def encode(self, source: PaddedTokens) -> Memory:
        mask = source.mask
        embedded = self.ngrams(self.embeddings.source(source.ids), source.ids, mask)
        return Memory(self.encoder(embedded, mask), mask, source.ids)

    def copy_keys(self, memory: Memory) -> CopyKeys | NoCopyKeys:
        """Return what of the source can be copied."""
        copy_keys: CopyKeys | NoCopyKeys = self.copying.keys(memory.hidden, memory.ids, memory.mask)
        return copy_keys

    def init_state(self, memory: Memory) -> TransformerState:
        caches = tuple(KeyValueCache() for _ in self.decoder.layers)
        sentences = torch.arange(len(memory.mask), device=memory.mask.device)
        sources = self.decoder.sources(memory.hidden)
        return TransformerState(caches, sources, memory.mask, self.copy_keys(memory), sentences)

    def step(self, tokens: Int[Tensor, " R"], state: TransformerState) -> tuple[Float[Tensor, "R V"], TransformerState]:
        caches = tuple(cache.advance() for cache in state.caches)
        embedded = self.embeddings.target(tokens[:, None])
        if embedded.size(0) != len(state.sentences):
            raise ValueError(f"{embedded.size(0)} tokens for a state of {len(state.sentences)} rows")
        hidden = self.decoder(embedded, state.sources, state.mask, caches)
        logits = self.copying(self.embeddings.logits(hidden), hidden, state.copy_keys)
        return logits[:, -1], replace(state, caches=caches)
