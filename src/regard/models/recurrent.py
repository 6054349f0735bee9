"""A recurrent encoder and decoder with additive attention (Bahdanau et al. 2015).

Axes    B sentences · S source positions · T target positions · M model size · F features of what is read together ·
        R rows (hypotheses) · V vocabulary
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from regard.data.batch import Batch, PaddedTokens
from regard.layers import kernels
from regard.layers.additive import AdditiveAttention
from regard.layers.cache import KeysValues
from regard.layers.copying import CopyKeys, NoCopyKeys
from regard.models.base import Memory, Seq2SeqModel
from regard.models.configs import RecurrentConfig
from regard.registry import load_object

CellState = tuple[Float[Tensor, "R M"], ...]
"""What a cell remembers; the first part is the hidden vector that others see."""


class LSTM(nn.LSTMCell):
    """One step of a long short-term memory, which remembers a hidden vector and a cell (Hochreiter et al. 1997)."""

    over_sequence: ClassVar = nn.LSTM

    def start(self, hidden: Float[Tensor, "R M"]) -> CellState:
        """Return the state that begins with this hidden vector."""
        return hidden, torch.zeros_like(hidden)

    def forward(self, x: Float[Tensor, "R F"], state: CellState) -> CellState:  # type: ignore[override]
        return super().forward(x, state)  # type: ignore[arg-type]


class GRU(nn.GRUCell):
    """One step of a gated recurrent unit, which remembers a hidden vector (Cho et al. 2014): the paper's choice."""

    over_sequence: ClassVar = nn.GRU

    def start(self, hidden: Float[Tensor, "R M"]) -> CellState:
        """Return the state that begins with this hidden vector."""
        return (hidden,)

    def forward(self, x: Float[Tensor, "R F"], state: CellState) -> CellState:  # type: ignore[override]
        return (super().forward(x, state[0]),)


CELLS: dict[str, type[LSTM] | type[GRU]] = {"lstm": LSTM, "gru": GRU}


class Stack(nn.Module):
    """What encoder and decoder share: dropout on the embeddings and on the output of every layer."""

    def __init__(self, config: RecurrentConfig) -> None:
        super().__init__()
        self.p = config.dropout

    def drop(self, x: Tensor) -> Tensor:
        """Drop out, while training."""
        return kernels.dropout(x, self.p if self.training else 0.0)


class Encoder(Stack):
    """Source embeddings to memory: every layer reads from both ends."""

    def __init__(self, config: RecurrentConfig) -> None:
        super().__init__(config)
        network, d_model = CELLS[config.cell].over_sequence, config.d_model
        self.layers = nn.ModuleList(
            network(d_model, d_model // 2, batch_first=True, bidirectional=True) for _ in range(config.encoder_layers)
        )

    def forward(self, embedded: Float[Tensor, "B S M"], lengths: Int[Tensor, " B"]) -> Float[Tensor, "B S M"]:
        x, on_host = self.drop(embedded), lengths.cpu()
        for layer in self.layers:
            packed, _ = layer(pack_padded_sequence(x, on_host, batch_first=True, enforce_sorted=False))
            x = self.drop(pad_packed_sequence(packed, batch_first=True, total_length=x.size(1))[0])
        return x


@dataclass(frozen=True, slots=True)
class RecurrentState:
    """What every decoder layer remembers, and the source as attention wants it."""

    layers: tuple[CellState, ...]
    source: KeysValues
    mask: Bool[Tensor, "R 1 1 S"]
    copy_keys: CopyKeys | NoCopyKeys

    def select(self, rows: Int[Tensor, " R"]) -> "RecurrentState":
        """Return the state of the given rows, in that order."""
        layers = tuple(tuple(part.index_select(0, rows) for part in layer) for layer in self.layers)
        mask = self.mask.index_select(0, rows)
        return RecurrentState(layers, self.source.select(rows), mask, self.copy_keys.select(rows))


class Decoder(Stack):
    """Target embeddings and memory to hidden vectors that predict the next token.

    At every step the last layer's hidden vector looks at the source; what it finds is read with the next token.
    """

    def __init__(self, config: RecurrentConfig) -> None:
        super().__init__(config)
        cell, d_model = CELLS[config.cell], config.d_model
        self.start = kernels.Linear(d_model // 2, config.decoder_layers * d_model)
        self.attention = AdditiveAttention(d_model, config.attention_dropout)
        sizes = [2 * d_model] + [d_model] * (config.decoder_layers - 1)
        self.cells: Any = nn.ModuleList(cell(size, d_model) for size in sizes)  # whose type forgets `start`
        self.join = kernels.Linear(3 * d_model, 2 * d_model)

    def begin(self, memory: Memory, copy_keys: CopyKeys | NoCopyKeys) -> RecurrentState:
        """Return the state before the first token: tanh(W h), where h has read the whole source backwards."""
        _, backwards_BSm = memory.hidden.chunk(2, dim=-1)
        hidden = self.start(backwards_BSm[:, 0]).tanh().chunk(len(self.cells), dim=-1)
        layers = tuple(cell.start(part) for cell, part in zip(self.cells, hidden, strict=True))
        return RecurrentState(layers, self.attention.keys_values(memory.hidden), memory.mask, copy_keys)

    def forward(
        self, embedded: Float[Tensor, "R T M"], state: RecurrentState
    ) -> tuple[Float[Tensor, "R T M"], RecurrentState]:
        x, layers, outputs, contexts = self.drop(embedded), state.layers, [], []
        for x_RM in x.unbind(dim=1):
            context_RM = self.attention(layers[-1][0][:, None], state.source, state.mask)[:, 0]
            output_RM, layers = self.advance(torch.cat((x_RM, context_RM), dim=-1), layers)
            outputs.append(output_RM)
            contexts.append(context_RM)
        known_RTF = torch.cat((torch.stack(outputs, dim=1), x, torch.stack(contexts, dim=1)), dim=-1)
        return self.maxout(known_RTF), replace(state, layers=layers)

    def advance(
        self, x: Float[Tensor, "R F"], layers: Sequence[CellState]
    ) -> tuple[Float[Tensor, "R M"], tuple[CellState, ...]]:
        """Take every layer one token on; return the last one's output beside their states."""
        after = []
        for cell, before in zip(self.cells, layers, strict=True):
            after.append(cell(x, before))
            x = self.drop(after[-1][0])
        return x, tuple(after)

    def maxout(self, known: Float[Tensor, "R T F"]) -> Float[Tensor, "R T M"]:
        """Project and keep the larger of every two features (appendix A.2.2)."""
        return self.join(known).unflatten(-1, (-1, 2)).amax(dim=-1)


class Recurrent(Seq2SeqModel):
    """Encoder, decoder, the embeddings around them, and what can be copied."""

    config: RecurrentConfig

    def __init__(self, config: RecurrentConfig, source_size: int, target_size: int) -> None:
        super().__init__()
        self.config = config
        self.embeddings = load_object(config.embeddings.part)(
            config.embeddings, source_size, target_size, config.d_model
        )
        self.ngrams = load_object(config.ngrams.part)(config.ngrams, source_size, config.d_model)
        self.encoder, self.decoder = Encoder(config), Decoder(config)
        self.copying = load_object(config.copying.part)(config.copying, config.d_model)
        self.initialise()

    @torch.no_grad()
    def initialise(self) -> None:
        """Draw the weights: orthogonal from step to step (appendix B.1), else Glorot-uniform; zero biases."""
        for stack in (self.encoder, self.decoder):
            for name, weight in stack.named_parameters():
                if "weight_hh" in name:
                    for gate in weight.split(weight.size(1)):
                        nn.init.orthogonal_(gate)
                elif weight.dim() > 1:
                    nn.init.xavier_uniform_(weight)
                else:
                    nn.init.zeros_(weight)

    def teacher_forced(self, batch: Batch) -> tuple[Float[Tensor, "B T M"], CopyKeys | NoCopyKeys]:
        state = self.init_state(self.encode(batch.source))
        hidden, _ = self.decoder(self.embeddings.target(batch.target_in.ids), state)
        return hidden, state.copy_keys

    def encode(self, source: PaddedTokens) -> Memory:
        mask = source.mask
        embedded = self.ngrams(self.embeddings.source(source.ids), source.ids, mask)
        return Memory(self.encoder(embedded, source.lengths), mask, source.ids)

    def init_state(self, memory: Memory) -> RecurrentState:
        return self.decoder.begin(memory, self.copying.keys(memory.hidden, memory.ids, memory.mask))

    def step(self, tokens: Int[Tensor, " R"], state: RecurrentState) -> tuple[Float[Tensor, "R V"], RecurrentState]:
        hidden, state = self.decoder(self.embeddings.target(tokens[:, None]), state)
        return self.copying(self.embeddings.logits(hidden), hidden, state.copy_keys)[:, -1], state
