from collections.abc import Sequence

import numpy as np
import pytest

from regard.errors import ConfigError, DataError
from regard.metrics import METRICS
from regard.metrics.base import Metric, MetricResult, reference_count

LONG = ["the cat sat on the mat today", "a dog runs over the wide field", "two men talk in front of a shop"]
ALTERED = ["the cat sat on a mat today", "a dog walks over the field", "two men in front of the shop talk"]


@pytest.fixture(params=list(METRICS))
def metric(request: pytest.FixtureRequest) -> Metric:
    return METRICS[request.param]()


def alone(references: Sequence[str]) -> list[list[str]]:
    return [[reference] for reference in references]


def test_every_row_of_the_table_is_the_metric_of_that_name(metric: Metric) -> None:
    assert METRICS[metric.name] is type(metric)


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"unknown metric 'blue'.*did you mean 'bleu'"):
        METRICS["blue"]


def test_references_themselves_score_best(metric: Metric) -> None:
    best = 100 if metric.higher_is_better else 0
    assert metric.score(LONG, alone(LONG)).value == pytest.approx(best)


def test_a_changed_text_scores_worse(metric: Metric) -> None:
    best, worse = metric.score(LONG, alone(LONG)).value, metric.score(ALTERED, alone(LONG)).value
    assert worse < best if metric.higher_is_better else worse > best


def test_nothing_said_scores_worst(metric: Metric) -> None:
    assert metric.score([""] * 3, alone(LONG)).value == (0 if metric.higher_is_better else 100)


def test_the_order_of_sentences_does_not_matter(metric: Metric) -> None:
    forward = metric.score(ALTERED, alone(LONG)).value
    assert metric.score(ALTERED[::-1], alone(LONG[::-1])).value == pytest.approx(forward, rel=1e-12)


def test_a_further_reference_that_is_met_makes_it_right(metric: Metric) -> None:
    references = [[other, text] for other, text in zip(ALTERED, LONG, strict=True)]
    best = 100 if metric.higher_is_better else 0
    assert metric.score(LONG, references).value == pytest.approx(best)


def test_one_sentence_is_enough(metric: Metric) -> None:
    best = 100 if metric.higher_is_better else 0
    assert metric.score(LONG[:1], alone(LONG[:1])).value == pytest.approx(best)


def test_the_score_of_a_part_comes_from_its_rows(metric: Metric) -> None:
    rows = metric.sentence_statistics(ALTERED, alone(LONG))
    assert metric.result(rows[:2], alone(LONG[:2])) == metric.score(ALTERED[:2], alone(LONG[:2]))


def test_a_result_has_all_to_quote_it(metric: Metric) -> None:
    result = metric.score(LONG, [["one", "two"], ["three"], ["four"]])
    assert (result.name, result.unit, result.higher_is_better) == (metric.name, metric.unit, metric.higher_is_better)
    name, *pairs = result.signature.split("|")
    assert name.lower().startswith(metric.name.lower())
    assert dict(pair.split(":") for pair in pairs).items() >= {("nrefs", "var")}
    assert "version" in pairs[-1]
    assert result.interval is None
    assert all(type(value) is float for value in (result.value, *result.details.values()))


def test_references_are_counted() -> None:
    assert reference_count([["a", "b"], ["c", "d"]]) == "2"
    assert reference_count([["a"], ["c", "d"]]) == "var"


class Length(Metric):
    name, unit = "length", ""

    def statistics(self, output: str, references: Sequence[str]) -> Sequence[int | float]:
        return len(output), 1

    def from_statistics(self, total: np.ndarray) -> float:
        return float(total[0] / total[1])

    def signature(self, references: Sequence[Sequence[str]]) -> str:
        return f"length|nrefs:{reference_count(references)}"


def test_three_methods_make_a_metric() -> None:
    wanted = MetricResult(name="length", value=2.0, unit="", higher_is_better=True, signature="length|nrefs:1")
    assert Length().score(["abc", "d"], [["x"], ["y"]]) == wanted


@pytest.mark.parametrize(
    ("outputs", "references", "words"),
    [
        (["a", "b"], [["a"]], "2 outputs, but references for 1 .give each output a list"),
        ([], [], "outputs: there is nothing to score .give at least one"),
        ("ab", [["a"], ["b"]], "outputs: one text where a list is needed"),
        (["a", "b"], ["a", "b"], r"references\[0\]: one text where a list is needed .write \[\[reference"),
        (["a", "b"], [["a"], []], r"references\[1\]: this output has no reference"),
    ],
)
def test_what_cannot_be_scored_is_said_in_words(
    metric: Metric, outputs: Sequence[str], references: Sequence[Sequence[str]], words: str
) -> None:
    with pytest.raises(DataError, match=words):
        metric.score(outputs, references)
