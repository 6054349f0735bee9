import sys
from importlib.metadata import version

import pytest

from regard.errors import MissingExtraError
from regard.metrics.rouge import Rouge, Rouge1, Rouge2, RougeL


@pytest.mark.parametrize(("metric", "f1"), [(Rouge1, 6 / 7), (Rouge2, 4 / 5), (RougeL, 6 / 7)])
def test_by_hand(metric: type[Rouge], f1: float) -> None:
    # words: 3 of 3 and of 4; pairs: 2 of 2 and of 3; "cats" and "cat" have one stem
    assert metric().score(["The cats sat."], [["the cat sat down"]]).value == pytest.approx(100 * f1)


def test_rouge_l_wants_the_order_and_allows_gaps() -> None:
    result = RougeL().score(["c a x b"], [["a b c"]])  # "a b": 2 of 4 and of 3
    assert result.value == pytest.approx(100 * 4 / 7)
    assert result.details == pytest.approx({"precision": 50.0, "recall": 200 / 3, "outputs": 1.0})


def test_the_best_reference_counts_for_each_output() -> None:
    outputs, references = ["a b", "c d"], [["x y", "a z"], ["c d", "c"]]  # best: 1/2 and 1
    assert Rouge1().score(outputs, references).value == pytest.approx(75.0)


def test_the_signature_names_the_package() -> None:
    wanted = f"rougeL|nrefs:1|measure:f1|refs:max|stemmer:yes|tok:rouge-score|version:{version('rouge-score')}"
    assert RougeL().signature([["a"]]) == wanted


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rouge_score.rouge_scorer", None)
    with pytest.raises(MissingExtraError, match=r"'rouge_score' is not installed .pip install rouge-score"):
        Rouge1()
