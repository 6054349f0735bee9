"""Models small enough to try everything on: every family, and every variant of every part, at least once."""

from dataclasses import replace

import torch

from regard.data.batch import Batch
from regard.layers.configs import (
    AlibiConfig,
    GEGLUConfig,
    GELUConfig,
    LearnedConfig,
    NoPositionsConfig,
    PreNormConfig,
    RMSNormConfig,
    RotaryConfig,
    SeparateConfig,
    ShawConfig,
    SiLUConfig,
    SourceCopyingConfig,
    SourceNgramsConfig,
    SwiGLUConfig,
    T2TSinusoidalConfig,
    T5Config,
    ThreeWayConfig,
    TwoWayConfig,
)
from regard.models.base import Seq2SeqModel, build_model
from regard.models.configs import ModelConfig, RecurrentConfig, TransformerConfig

SOURCE_SIZE, TARGET_SIZE = 11, 12
"""Entries of the vocabularies; with one vocabulary for both sides, it has the latter."""

PAPER = TransformerConfig(
    encoder_layers=2,
    decoder_layers=2,
    d_model=16,
    heads=4,
    d_ff=24,
    dropout=0.1,
    attention_dropout=0.1,
    inner_dropout=0.1,
    embeddings=SeparateConfig(),
)
MODERN = replace(
    PAPER, positions=RotaryConfig(), residual=PreNormConfig(), norm=RMSNormConfig(), feed_forward=SwiGLUConfig()
)
RECURRENT = RecurrentConfig(d_model=16, dropout=0.1, attention_dropout=0.1, embeddings=SeparateConfig())

CONFIGS: dict[str, ModelConfig] = {
    "paper": PAPER,
    "modern": MODERN,
    "none": replace(PAPER, positions=NoPositionsConfig()),
    "sinusoidal-t2t": replace(PAPER, positions=T2TSinusoidalConfig()),
    "learned": replace(PAPER, positions=LearnedConfig(longest=4)),
    "rotary": replace(PAPER, positions=RotaryConfig()),
    "shaw": replace(PAPER, positions=ShawConfig(distance=2)),
    "t5": replace(PAPER, positions=T5Config(buckets=4, distance=5)),
    "alibi": replace(PAPER, positions=AlibiConfig()),
    "pre-norm": replace(PAPER, residual=PreNormConfig()),
    "rms": replace(PAPER, norm=RMSNormConfig()),
    "gelu": replace(PAPER, feed_forward=GELUConfig()),
    "silu": replace(PAPER, feed_forward=SiLUConfig()),
    "swiglu": replace(PAPER, feed_forward=SwiGLUConfig()),
    "geglu": replace(PAPER, feed_forward=GEGLUConfig()),
    "bart": replace(
        PAPER, embedding_norm=True, embeddings=TwoWayConfig(scaled=False), positions=LearnedConfig(longest=40)
    ),
    "two-way": replace(PAPER, embeddings=TwoWayConfig()),
    "three-way": replace(PAPER, embeddings=ThreeWayConfig()),
    "copy": replace(PAPER, embeddings=ThreeWayConfig(), copying=SourceCopyingConfig()),
    "copy without biases": replace(MODERN, biases=False, embeddings=ThreeWayConfig(), copying=SourceCopyingConfig()),
    "n-grams": replace(PAPER, ngrams=SourceNgramsConfig(longest=4, rows=150)),
    "two key-value heads": replace(PAPER, key_value_heads=2),
    "one key-value head": replace(MODERN, key_value_heads=1),
    "no biases": replace(MODERN, biases=False, embeddings=TwoWayConfig()),
    "deep encoder": replace(PAPER, encoder_layers=3, decoder_layers=1),
    "deep decoder": replace(MODERN, encoder_layers=1, decoder_layers=3),
    "lstm": RECURRENT,
    "lstm that copies": replace(RECURRENT, embeddings=ThreeWayConfig(), copying=SourceCopyingConfig()),
    "lstm with n-grams": replace(RECURRENT, ngrams=SourceNgramsConfig(longest=2)),
    "gru": replace(RECURRENT, cell="gru"),
    "deep lstm": replace(RECURRENT, encoder_layers=2, decoder_layers=3, embeddings=TwoWayConfig()),
    "deep gru": replace(RECURRENT, cell="gru", encoder_layers=3, decoder_layers=2, embeddings=ThreeWayConfig()),
}
"""By name; distances are so short that the farthest ones share an entry in the texts below."""


def fresh_model(config: ModelConfig) -> Seq2SeqModel:
    """Make a model as it is before training."""
    shared = isinstance(config.embeddings, ThreeWayConfig)
    return build_model(config, TARGET_SIZE if shared else SOURCE_SIZE, TARGET_SIZE)


@torch.no_grad()
def tiny_model(config: ModelConfig) -> Seq2SeqModel:
    """Make a model in which every weight counts, those too that start as zeros or ones; not training."""
    model = fresh_model(config).eval()
    for weight in model.parameters():
        weight.add_(torch.randn_like(weight), alpha=0.1)
    return model


def tiny_batch() -> Batch:
    """Return three pairs whose sources and targets all differ in length."""
    sources = [[4, 5, 6], [7, 8, 9, 10, 4, 5], [9]]
    targets = [[6, 5, 4, 11, 7], [5, 4], [10, 9, 8, 7, 6, 5, 4]]
    return Batch.of(sources, targets)
