"""Two models that differ in what they do with a sentence of over `limit` tokens."""

import json

import pytest

from regard.data.pairs import Pair
from regard.errors import DataError
from regard.evaluation.compare import Contrast, compare, p_value
from regard.evaluation.evaluate import Evaluation, evaluate
from regard.inference.translator import Translator
from tests.inference.echo_engine import EchoEngine, echo_folder

PAIRS = [Pair("a", "A")] * 5 + [Pair("a b c", "A B C")] * 15


def measured(limit: int, pairs: list[Pair] = PAIRS, metrics: tuple[str, ...] = ("exact_match", "per")) -> Evaluation:
    return evaluate(Translator(EchoEngine(limit=limit), echo_folder()), pairs, metrics=metrics, resamples=10)


def contrast(first: Evaluation, second: Evaluation) -> Contrast:
    return compare(first, second, resamples=100, trials=200)


def test_values_by_hand() -> None:
    found = contrast(measured(limit=1), measured(limit=3))
    exact, per = found.metrics["exact_match"], found.metrics["per"]
    assert (exact.first, exact.second, exact.difference) == (25.0, 100.0, 75.0)
    assert (per.first, per.second) == (pytest.approx(100 * 30 / 50), 0.0)


def test_the_better_one_has_more_of_what_is_good_and_less_of_what_is_bad() -> None:
    poor, good = measured(limit=1), measured(limit=3)
    for name in ("exact_match", "per"):
        assert contrast(poor, good).better(name) == "second"
        assert contrast(good, poor).better(name) == "first"
        assert contrast(good, good).better(name) is None


def test_what_few_sentences_show_is_nothing() -> None:
    one = [Pair("a b c", "A B C")]
    found = contrast(measured(1, one), measured(3, one))
    assert found.metrics["exact_match"].difference == 100.0
    assert found.better("exact_match") is None


def test_verdicts_in_words() -> None:
    found = contrast(measured(limit=1), measured(limit=3))
    p = p_value(found.metrics["per"].p_value)
    assert found.verdict("exact_match") == f"B is better by 75.00 points of exact match, {p}"
    assert found.verdict("per", "old", "new") == f"new is better by 60.00 points of per, {p}"
    same = contrast(measured(limit=3), measured(limit=3))
    words = "no difference in exact match that these 20 sentences could show, p = 1.000"
    assert same.verdict("exact_match") == words


def test_a_metric_in_points_has_no_points_in_words() -> None:
    found = contrast(measured(1, metrics=("chrf",)), measured(3, metrics=("chrf",)))
    assert found.verdict("chrf").endswith(f" chrF2, {p_value(found.metrics['chrf'].p_value)}")
    assert "points" not in found.verdict("chrf")


@pytest.mark.parametrize(("p", "words"), [(0.5, "p = 0.500"), (0.001, "p = 0.001"), (0.0002, "p < 0.001")])
def test_p_values_as_they_are_quoted(p: float, words: str) -> None:
    assert p_value(p) == words


def test_examples_are_where_they_differ_most() -> None:
    pairs = [Pair("a", "A"), Pair("a b", "A B"), Pair("a b c", "A B C"), Pair("a b c d", "A")]
    found = contrast(measured(1, pairs, ("per",)), measured(4, pairs, ("per",)))
    assert [(example.first.source, example.better) for example in found.examples()] == [
        ("a b c", "second"),
        ("a b", "second"),
        ("a b c d", "first"),
    ]
    assert [example.first.source for example in found.examples(count=1)] == ["a b c", "a b c d"]


def test_where_the_first_metric_sees_no_difference_the_next_one_is_asked() -> None:
    pairs = [Pair("a b", "A X"), Pair("c", "C"), Pair("a b c", "A B X")]
    found = contrast(measured(1, pairs), measured(2, pairs))
    assert [(e.first.output, e.second.output, e.better) for e in found.examples()] == [("A", "A B", "second")]


def test_json() -> None:
    values = json.loads(json.dumps(contrast(measured(limit=1), measured(limit=3)).to_json(), allow_nan=False))
    assert values["metrics"]["per"]["better"] == "second"
    assert values["metrics"]["per"]["words"].startswith("B is better by 60.00 points of per")
    assert values["first"]["metrics"]["exact_match"]["value"] == 25.0
    assert values["examples"][0] == {
        "source": "a b c",
        "references": ["A B C"],
        "first": "A",
        "second": "A B C",
        "better": "second",
    }


def test_only_what_was_measured_alike_is_compared() -> None:
    with pytest.raises(DataError, match="echo: the sentences are not those of the first"):
        contrast(measured(3), measured(3, PAIRS[1:]))
    with pytest.raises(DataError, match="echo: scored by per, and the first by exact_match, per"):
        contrast(measured(3), measured(3, metrics=("per",)))
