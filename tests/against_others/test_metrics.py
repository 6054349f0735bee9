"""The numbers of sacreBLEU and rouge-score, called directly."""

import random
from itertools import zip_longest
from statistics import mean
from typing import Any

import numpy as np
import pytest
import sacrebleu
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.significance import PairedTest

from regard.metrics import METRICS
from regard.metrics.base import Metric
from regard.metrics.sacrebleu import Bleu, Chrf, Ter
from regard.metrics.significance import compare_outputs, score_with_interval

WORDS = ["The", "the", "a", "cat,", "dogs", "dog", "sits", "sitting", "over", "mat.", "(two)", "men's", "12.5", "%"]
SACREBLEU = {"bleu": sacrebleu.BLEU, "chrf": sacrebleu.CHRF, "ter": sacrebleu.TER}


def sentences(seed: int, count: int = 120) -> list[str]:
    generator = random.Random(seed)
    return [" ".join(generator.choices(WORDS, k=generator.randint(1, 14))) for _ in range(count)]


def disturbed(texts: list[str], seed: int, share: float) -> list[str]:
    generator = random.Random(seed)
    lines = [[generator.choice(WORDS) if generator.random() < share else word for word in t.split()] for t in texts]
    return ["" if generator.random() < share / 10 else " ".join(line) for line in lines]


TEXTS = sentences(seed=1)
OUTPUTS = disturbed(TEXTS, seed=2, share=0.3)
REFERENCE_LISTS = {
    "one": [[text] for text in TEXTS],
    "three": [list(three) for three in zip(TEXTS, disturbed(TEXTS, 3, 0.2), sentences(4), strict=True)],
    "one to three": [
        list(three)[: 1 + n % 3]
        for n, three in enumerate(zip(TEXTS, disturbed(TEXTS, 3, 0.2), sentences(4), strict=True))
    ],
}


@pytest.mark.parametrize("references", REFERENCE_LISTS.values(), ids=REFERENCE_LISTS)
@pytest.mark.parametrize("metric", [Bleu(), Chrf(), Ter()], ids=lambda metric: metric.name)
def test_scores_and_signatures_are_sacrebleus(metric: Metric, references: list[list[str]]) -> None:
    theirs: Any = SACREBLEU[metric.name]()
    streams = [list(stream) for stream in zip_longest(*references)]  # a missing reference is None
    wanted = theirs.corpus_score(OUTPUTS, streams)
    result = metric.score(OUTPUTS, references)
    assert result.value == pytest.approx(wanted.score, abs=1e-9)
    assert result.signature == f"{wanted.name}|{theirs.get_signature()}"


@pytest.mark.parametrize("references", REFERENCE_LISTS.values(), ids=REFERENCE_LISTS)
@pytest.mark.parametrize("name", ["rouge1", "rouge2", "rougeL"])
def test_rouge_is_the_mean_of_rouge_scores(name: str, references: list[list[str]]) -> None:
    scorer = RougeScorer([name], use_stemmer=True)
    pairs = zip(references, OUTPUTS, strict=True)
    wanted = 100 * mean(scorer.score_multi(several, output)[name].fmeasure for several, output in pairs)
    assert METRICS[name]().score(OUTPUTS, references).value == pytest.approx(wanted, abs=1e-9)


@pytest.mark.parametrize("metric", [Bleu(), Chrf(), Ter()], ids=lambda metric: metric.name)
def test_intervals_are_as_wide_as_sacrebleus(metric: Metric) -> None:
    theirs: Any = SACREBLEU[metric.name]()
    wanted = theirs.corpus_score(OUTPUTS, [TEXTS], n_bootstrap=1000)
    result = score_with_interval(metric, OUTPUTS, REFERENCE_LISTS["one"])
    assert result.interval is not None
    low, high = result.interval
    assert (high - low) / 2 == pytest.approx(wanted._ci, rel=0.15)  # both are drawn: 1,000 resamples, other seeds
    assert (high + low) / 2 == pytest.approx(wanted._mean, abs=0.5)


@pytest.mark.parametrize("metric", [Bleu(), Chrf(), Ter()], ids=lambda metric: metric.name)
def test_p_values_are_sacrebleus(metric: Metric) -> None:
    others = disturbed(TEXTS, seed=5, share=0.26)
    systems = [("first", OUTPUTS), ("second", others)]
    test = PairedTest(systems, {"metric": SACREBLEU[metric.name]()}, [TEXTS], test_type="ar", n_samples=4000)
    (_, theirs) = next(results for name, results in test()[1].items() if name != "System")
    ours = compare_outputs(metric, OUTPUTS, others, REFERENCE_LISTS["one"], trials=4000)
    assert 0.01 < theirs.p_value < 0.99
    assert ours.p_value == pytest.approx(theirs.p_value, abs=4 * np.sqrt(2 * 0.25 / 4000))
    assert ours.second == pytest.approx(theirs.score, abs=1e-9)
