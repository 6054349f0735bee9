"""Models that write their source in capitals: what they are worth can be counted by hand."""

import json
import math

import pytest

from regard.data.pairs import Pair
from regard.decoding.types import BeamConfig
from regard.errors import ConfigError, DataError
from regard.evaluation.evaluate import Evaluation, evaluate, pool, title
from regard.inference.translator import Translator
from regard.metrics.accuracy import ExactMatch, PhoneErrorRate
from regard.metrics.significance import score_with_interval
from tests.inference.echo_engine import EchoEngine, echo_folder

METRICS = ("exact_match", "per")

PAIRS = [
    Pair("a b", "A B", line=1),
    Pair("c", "D", line=2),
    Pair("e f g h", "E F", line=3),
    Pair("c", "C", line=4),
    Pair("", "I", line=5),
]


@pytest.fixture
def translator() -> Translator:
    return Translator(EchoEngine(limit=3), echo_folder())


def measured(translator: Translator, pairs: list[Pair] = PAIRS, *, pooled: bool = False) -> Evaluation:
    return evaluate(translator, pairs, metrics=METRICS, pooled=pooled, resamples=50)


def test_scores_by_hand(translator: Translator) -> None:
    evaluation = measured(translator)
    assert evaluation.outputs == ["A B", "C", "E F G", "C", ""]
    assert evaluation.metrics["exact_match"].value == pytest.approx(100 * 2 / 5)
    assert evaluation.metrics["per"].value == pytest.approx(100 * (0 + 1 + 1 + 0 + 1) / (2 + 1 + 2 + 1 + 1))


def test_the_loss_is_that_of_every_target_token(translator: Translator) -> None:
    evaluation = measured(translator)
    assert evaluation.loss == 0.5
    assert evaluation.perplexity == pytest.approx(math.e**0.5)
    assert evaluation.tokens == sum(len(pair.target.split()) + 1 for pair in PAIRS)
    assert (evaluation.pairs, evaluation.too_long) == (5, 0)


def test_intervals_and_signatures_are_those_of_the_metrics(translator: Translator) -> None:
    evaluation = measured(translator)
    for metric in (ExactMatch(), PhoneErrorRate()):
        expected = score_with_interval(metric, evaluation.outputs, evaluation.references, resamples=50)
        assert evaluation.metrics[metric.name] == expected


def test_statuses_add_up(translator: Translator) -> None:
    assert measured(translator).statuses == {"ok": 3, "unfinished": 1, "empty": 1}


def test_what_is_too_long_is_translated_in_parts_and_left_out_of_the_loss(translator: Translator) -> None:
    evaluation = measured(translator, [Pair("a", "A"), Pair("a b c d e", "A"), Pair("b", "A B C D E")])
    assert evaluation.statuses == {"ok": 2, "split": 1}
    assert (evaluation.pairs, evaluation.too_long, evaluation.tokens) == (3, 2, 2)


def test_without_a_pair_that_is_short_enough_there_is_no_loss(translator: Translator) -> None:
    evaluation = measured(translator, [Pair("a", "A B C D E")])
    assert math.isnan(evaluation.loss)
    assert evaluation.to_json()["loss"] is None
    assert evaluation.to_json()["perplexity"] is None


def test_a_perplexity_beyond_all_numbers_is_infinite(translator: Translator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.inference.echo_engine.LOG_PROB", -1000.0)
    assert measured(translator).perplexity == math.inf


def test_pooled_references_by_hand(translator: Translator) -> None:
    evaluation = measured(translator, pooled=True)
    assert evaluation.references == [("A B",), ("D", "C"), ("E F",), ("I",)]
    assert evaluation.metrics["exact_match"].value == 50.0
    assert (evaluation.pairs, len(evaluation.sentences)) == (5, 4)
    assert evaluation.tokens == measured(translator).tokens


def test_pooling_keeps_references_that_were_together_already() -> None:
    pairs = [Pair("a", "1", ("2",), line=1), Pair("b", "3", line=2), Pair("a", "4", ("1",), line=3)]
    assert pool(pairs) == [Pair("a", "1", ("2", "4", "1"), line=1), Pair("b", "3", line=2)]


def test_the_worst_come_first_and_what_is_right_is_not_among_them(translator: Translator) -> None:
    worst = measured(translator).worst()
    assert [sentence.line for sentence in worst] == [2, 5, 3]
    assert [sentence.scores["per"] for sentence in worst] == [100.0, 100.0, 50.0]
    assert [sentence.line for sentence in measured(translator).worst(1)] == [2]


def test_the_first_metric_decides_which_are_worst(translator: Translator) -> None:
    pairs = [Pair("a b c", "A B X"), Pair("a", "X")]
    by_edits = evaluate(translator, pairs, metrics=("per",), resamples=1)
    assert [sentence.source for sentence in by_edits.worst()] == ["a", "a b c"]


def test_buckets_are_scored_like_texts_of_their_own() -> None:
    pairs = [Pair("a", "A")] * 30 + [Pair("a b c d e f", "A B C D E X")] * 30
    evaluation = measured(Translator(EchoEngine(), echo_folder(longest=10)), pairs)
    short, long = evaluation.buckets
    assert (short.shortest, short.longest, short.sentences) == (1, 1, 30)
    assert (long.shortest, long.longest, long.sentences) == (6, 6, 30)
    assert [bucket.metrics["exact_match"].value for bucket in (short, long)] == [100.0, 0.0]
    assert long.metrics["per"].value == pytest.approx(100 / 6)
    assert long.metrics["per"].interval == pytest.approx((100 / 6, 100 / 6))


def test_json_is_one_object_with_every_metric_and_its_signature(translator: Translator) -> None:
    values = json.loads(json.dumps(measured(translator).to_json(), allow_nan=False))
    for name in METRICS:
        low, high = values["metrics"][name]["interval"]
        assert low <= values["metrics"][name]["value"] <= high
        assert values["metrics"][name]["signature"].startswith(f"{name}|nrefs:1|")
        assert values["metrics"][name]["unit"] == "%"
    assert (values["pairs"], values["sentences"], values["tokens"]) == (5, 5, 12)
    assert values["statuses"] == {"ok": 3, "unfinished": 1, "empty": 1}
    (bucket,) = values["buckets"]
    assert bucket["metrics"]["per"] == {key: values["metrics"]["per"][key] for key in ("value", "interval")}
    assert values["decoding"]["kind"] == "beam"
    assert values["model"] == "echo"
    assert values["worst"][0] == {
        "line": 2,
        "source": "c",
        "references": ["D"],
        "output": "C",
        "status": "ok",
        "length": 1,
        "scores": {"exact_match": 0.0, "per": 100.0},
    }


def test_the_search_that_was_asked_for_is_used_and_noted() -> None:
    engine = EchoEngine(supports=frozenset({"beam search", "length normalisation gnmt", "scoring"}))
    evaluation = evaluate(Translator(engine, echo_folder()), PAIRS, decoding=BeamConfig(beams=7), resamples=1)
    assert evaluation.to_json()["decoding"]["beams"] == 7


def test_the_seed_decides_the_intervals(translator: Translator) -> None:
    def intervals(seed: int) -> list[object]:
        evaluation = evaluate(translator, PAIRS, metrics=METRICS, resamples=20, seed=seed)
        return [result.interval for result in evaluation.metrics.values()]

    assert intervals(1) == intervals(1)
    assert intervals(1) != intervals(2)


def test_titles() -> None:
    evaluation = evaluate(Translator(EchoEngine(), echo_folder()), PAIRS, metrics=("bleu", "exact_match"), resamples=1)
    assert [title(result) for result in evaluation.metrics.values()] == ["BLEU", "exact match"]


def test_nothing_to_evaluate(translator: Translator) -> None:
    with pytest.raises(DataError, match="pairs: there is nothing to evaluate"):
        measured(translator, [])


def test_an_unknown_metric_is_refused_before_the_model_is_loaded() -> None:
    with pytest.raises(ConfigError, match=r"unknown metric 'blue' \(did you mean 'bleu'\?\)"):
        evaluate("no-such-model", PAIRS, metrics=("blue",))
