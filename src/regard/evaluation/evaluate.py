"""How good a model is: its texts scored against references, and how likely it finds the references."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from jaxtyping import Float

from regard.config import to_mapping
from regard.data.pairs import Pair
from regard.decoding.types import DecodingConfig
from regard.errors import DataError
from regard.evaluation.buckets import by_length
from regard.inference.translation import Status, Translation
from regard.inference.translator import Translator
from regard.metrics import METRICS, USUAL_METRICS
from regard.metrics.base import Metric, MetricResult
from regard.metrics.significance import RESAMPLES, bootstrap_interval

WORST = 10
"""Sentences that are shown."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sentence:
    """A source, what it should become, and what it became."""

    line: int  # where the pair was read, from 1; 0 if it comes from no file
    source: str
    references: tuple[str, ...]
    output: str
    status: Status
    length: int  # of the source, in tokens
    scores: Mapping[str, float]  # every metric, of this sentence alone

    @property
    def right(self) -> bool:
        """True if the output is one of the references."""
        return self.output in self.references

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return to_mapping(self)


@dataclass(frozen=True, kw_only=True, slots=True)
class Bucket:
    """Sentences of like length."""

    shortest: int  # source tokens
    longest: int
    sentences: int
    metrics: Mapping[str, MetricResult]

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        metrics = {name: {"value": r.value, "interval": r.interval} for name, r in self.metrics.items()}
        return to_mapping(self) | {"metrics": metrics}


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluation:
    """How a model did on given pairs."""

    model: str  # its folder
    decoding: DecodingConfig
    metrics: Mapping[str, MetricResult]
    loss: float  # nats per target token, EOS counted; NaN if no pair is short enough
    tokens: int  # that the loss is the mean of
    pairs: int
    too_long: int  # pairs that the loss leaves out
    pooled: bool  # whether pairs with the same source were taken as one sentence with several references
    sentences: tuple[Sentence, ...]
    buckets: tuple[Bucket, ...]
    seconds: float  # spent on decoding

    @property
    def perplexity(self) -> float:
        """The exponential of the loss, or infinity where that is too large for a number."""
        return math.inf if self.loss > 700 else math.exp(self.loss)

    @property
    def outputs(self) -> list[str]:
        """What the model wrote, sentence by sentence."""
        return [sentence.output for sentence in self.sentences]

    @property
    def references(self) -> list[tuple[str, ...]]:
        """What it might have written."""
        return [sentence.references for sentence in self.sentences]

    @property
    def statuses(self) -> dict[str, int]:
        """What became of how many sentences."""
        return dict(Counter(sentence.status for sentence in self.sentences))

    def goodness(self, sentence: Sentence) -> tuple[float, ...]:
        """Return the sentence's scores by all metrics, higher being better: the first decides, the next break ties."""
        return tuple(sentence.scores[name] * (1 if r.higher_is_better else -1) for name, r in self.metrics.items())

    def worst(self, count: int = WORST) -> list[Sentence]:
        """Return the worst sentences, the very worst first; none that is right."""
        wrong = [sentence for sentence in self.sentences if not sentence.right]
        return sorted(wrong, key=self.goodness)[:count]

    def to_json(self) -> dict[str, Any]:
        """Return it as one object of plain values, with the worst sentences instead of all."""
        return {
            "model": self.model,
            "metrics": {name: to_mapping(result) for name, result in self.metrics.items()},
            "loss": _finite(self.loss),
            "perplexity": _finite(self.perplexity),
            "pairs": self.pairs,
            "too_long": self.too_long,
            "pooled": self.pooled,
            "sentences": len(self.sentences),
            "tokens": self.tokens,
            "buckets": [bucket.to_json() for bucket in self.buckets],
            "worst": [sentence.to_json() for sentence in self.worst()],
            "statuses": self.statuses,
            "seconds": self.seconds,
            "decoding": {"kind": self.decoding.kind} | to_mapping(self.decoding),
        }


def evaluate(
    model: Translator | str | Path,
    pairs: Sequence[Pair],
    *,
    metrics: Sequence[str] = USUAL_METRICS,
    pooled: bool = False,
    decoding: DecodingConfig | None = None,
    resamples: int = RESAMPLES,
    seed: int = 1,
) -> Evaluation:
    """Measure a model, or the best one of a run, on pairs.

    `decoding` says how to search (by default as the model folder does); with `pooled`, pairs that share a source are
    one sentence with all their targets as references. Intervals are a function of the seed.
    Raises DataError if there are no pairs, ConfigError if a metric is unknown, and what `Translator.load` raises.
    """
    if not pairs:
        raise DataError("there is nothing to evaluate", where="pairs", hint="give at least one pair")
    scorers = {name: METRICS[name]() for name in metrics}
    translator = model if isinstance(model, Translator) else Translator.load(model)
    decoding = decoding or translator.folder.settings.decoding
    loss, tokens, too_long = _loss(translator, pairs)
    asked = pool(pairs) if pooled else pairs
    start = perf_counter()
    translations = translator.translate([pair.source for pair in asked], decoding=decoding)
    seconds = perf_counter() - start
    judge = _Judge.of(scorers, [t.text for t in translations], asked, resamples, seed)
    sentences = _sentences(translator, asked, translations, judge)
    groups = by_length([sentence.length for sentence in sentences])
    return Evaluation(
        model=str(translator.folder.path),
        decoding=decoding,
        metrics=judge.results(range(len(asked))),
        loss=loss,
        tokens=tokens,
        pairs=len(pairs),
        too_long=too_long,
        pooled=pooled,
        sentences=sentences,
        buckets=tuple(_bucket(group, sentences, judge) for group in groups),
        seconds=seconds,
    )


def title(result: MetricResult) -> str:
    """Return what people call a metric: "BLEU", "exact match"."""
    return result.signature.partition("|")[0].replace("_", " ")


def pool(pairs: Sequence[Pair]) -> list[Pair]:
    """Return a pair for every source, in the order of their first; the targets of all its pairs are its references."""
    shared: dict[str, list[Pair]] = {}
    for pair in pairs:
        shared.setdefault(pair.source, []).append(pair)
    return [
        replace(same[0], others=(*same[0].others, *(t for pair in same[1:] for t in (pair.target, *pair.others))))
        for same in shared.values()
    ]


def _loss(translator: Translator, pairs: Sequence[Pair]) -> tuple[float, int, int]:
    """Return the mean loss of the targets in nats per token, of how many tokens, and how many pairs are too long."""
    scores = list(translator.score((pair.source, pair.target) for pair in pairs))
    log_probs = [log_prob for score in scores for log_prob in score.token_log_probs]
    loss = -math.fsum(log_probs) / len(log_probs) if log_probs else math.nan
    return loss, len(log_probs), sum(score.status == "refused" for score in scores)


@dataclass(frozen=True, slots=True)
class _Judge:
    """Metrics of all sentences or of some: no text is compared twice."""

    metrics: Mapping[str, Metric]
    statistics: Mapping[str, Float[np.ndarray, "sentences sums"]]
    references: Sequence[Sequence[str]]
    resamples: int
    seed: int

    @classmethod
    def of(
        cls, metrics: Mapping[str, Metric], outputs: Sequence[str], pairs: Sequence[Pair], resamples: int, seed: int
    ) -> "_Judge":
        references = [(pair.target, *pair.others) for pair in pairs]
        statistics = {name: metric.sentence_statistics(outputs, references) for name, metric in metrics.items()}
        return cls(metrics, statistics, references, resamples, seed)

    def results(self, rows: Sequence[int]) -> dict[str, MetricResult]:
        """Return every metric of the sentences with these indices, with its interval."""
        return {name: self._result(name, metric, rows) for name, metric in self.metrics.items()}

    def _result(self, name: str, metric: Metric, rows: Sequence[int]) -> MetricResult:
        statistics = self.statistics[name][list(rows)]
        interval = bootstrap_interval(metric, statistics, resamples=self.resamples, seed=self.seed)
        return replace(metric.result(statistics, [self.references[i] for i in rows]), interval=interval)

    def scores(self, row: int) -> dict[str, float]:
        """Return every metric of one sentence."""
        return {name: metric.from_statistics(self.statistics[name][row]) for name, metric in self.metrics.items()}


def _sentences(
    translator: Translator, pairs: Sequence[Pair], translations: Sequence[Translation], judge: _Judge
) -> tuple[Sentence, ...]:
    split = translator.folder.sides.source.tokenizer.split
    return tuple(
        Sentence(
            line=pair.line,
            source=pair.source,
            references=(pair.target, *pair.others),
            output=translation.text,
            status=translation.status,
            length=len(split(pair.source)),
            scores=judge.scores(row),
        )
        for row, (pair, translation) in enumerate(zip(pairs, translations, strict=True))
    )


def _bucket(rows: Sequence[int], sentences: Sequence[Sentence], judge: _Judge) -> Bucket:
    lengths = [sentences[i].length for i in rows]
    return Bucket(shortest=min(lengths), longest=max(lengths), sentences=len(rows), metrics=judge.results(rows))


def _finite(number: float) -> float | None:
    """Return a number for JSON, which has no name for what is none."""
    return number if math.isfinite(number) else None
