"""How a model does on held-out pairs: loss, perplexity, and metrics of the text it writes."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from regard.data.batch import Batch, PaddedTokens
from regard.data.encode import EncodedPairs
from regard.decoding.search import search
from regard.decoding.types import DecodingConfig
from regard.metrics.base import Metric, MetricResult
from regard.models.base import Seq2SeqModel
from regard.text.sides import Sides
from regard.text.vocabulary import EOS
from regard.training.objectives import label_smoothed

_TOKENS = 4096  # per batch: enough to be quick, little enough to fit where training fits


@dataclass(frozen=True, slots=True)
class Validation:
    """Held-out pairs and how to judge them; `scored` and `samples` are pairs by index."""

    encoded: EncodedPairs
    references: Sequence[Sequence[str]]
    sides: Sides
    metrics: Sequence[Metric]
    decoding: DecodingConfig
    scored: Sequence[int]
    samples: Sequence[int]

    @property
    def unigram_loss(self) -> float:
        """Return the loss of a model that knows only how often each target token occurs, in nats per token."""
        counts = Counter(token for ids in self.encoded.targets for token in (*ids, EOS))
        total = counts.total()
        return -sum(count * math.log(count / total) for count in counts.values()) / total

    def loss(self, model: Seq2SeqModel) -> float:
        """Return the mean loss in nats per target token, without label smoothing."""
        lengths = [max(len(s), len(t)) + 1 for s, t in zip(self.encoded.sources, self.encoded.targets, strict=True)]
        nats, tokens = 0.0, 0
        with torch.inference_mode():
            for rows in by_length(lengths, range(len(lengths))):
                batch = Batch.of([self.encoded.sources[i] for i in rows], [self.encoded.targets[i] for i in rows])
                nats += float(label_smoothed(model, batch.to(_device(model)), 0.0).nats)
                tokens += batch.tokens
        return nats / tokens

    def outputs(self, model: Seq2SeqModel) -> dict[int, str]:
        """Return what the model writes for the scored pairs and the samples, by index."""
        wanted = sorted({*self.scored, *self.samples})
        texts: dict[int, str] = {}
        for rows in by_length([len(ids) + 1 for ids in self.encoded.sources], wanted):
            source = PaddedTokens.sources([self.encoded.sources[i] for i in rows]).to(_device(model))
            for i, found in zip(rows, search(model, source, self.decoding), strict=True):
                texts[i] = self.sides.target.text(found[0].ids)
        return texts

    def judge(self, outputs: Mapping[int, str]) -> dict[str, MetricResult]:
        """Return every metric of the scored pairs."""
        texts = [outputs[i] for i in self.scored]
        references = [self.references[i] for i in self.scored]
        return {metric.name: metric.score(texts, references) for metric in self.metrics}


def by_length(lengths: Sequence[int], wanted: Sequence[int]) -> list[list[int]]:
    """Group the wanted texts into batches of like length."""
    order = sorted(wanted, key=lambda i: (-lengths[i], i))
    batches: list[list[int]] = []
    for i in order:
        if not batches or lengths[batches[-1][0]] * (len(batches[-1]) + 1) > _TOKENS:
            batches.append([])
        batches[-1].append(i)
    return batches


def spread(total: int, wanted: int) -> list[int]:
    """Return up to `wanted` numbers below `total`, evenly spread: the same ones for the same sizes."""
    return np.unique(np.linspace(0, total - 1, min(wanted, total)).round().astype(int)).tolist()


def perplexity(loss: float) -> float:
    """Return e to the loss, or infinity where that is too large for a number."""
    return math.exp(loss) if loss < 700 else math.inf


def _device(model: Seq2SeqModel) -> torch.device:
    return next(model.parameters()).device
