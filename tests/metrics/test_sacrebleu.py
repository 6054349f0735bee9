import pytest

from regard.errors import ConfigError
from regard.metrics.sacrebleu import TOKENIZATIONS, Bleu, Chrf, Ter


def test_bleu_by_hand() -> None:
    result = Bleu().score(["the cat sat on the mat"], [["the cat sat on a mat"]])
    assert result.value == pytest.approx(100 * (5 / 6 * 3 / 5 * 2 / 4 * 1 / 3) ** 0.25)
    assert [result.details[f"precision_{n}"] for n in (1, 2, 3, 4)] == pytest.approx([500 / 6, 60, 50, 100 / 3])
    assert (result.details["brevity_penalty"], result.details["length_ratio"]) == (1.0, 1.0)


def test_chrf_by_hand() -> None:
    precision_and_recall = (2 / 3 + 1 / 2 + 0) / 3  # of one, two and three letters; there are no longer n-grams
    assert Chrf().score(["abc"], [["abd"]]).value == pytest.approx(100 * precision_and_recall)


def test_ter_by_hand() -> None:
    result = Ter().score(["b a c d", "a b x"], [["a b c d"], ["a b c"]])  # one shift of four, one edit of three
    assert result.value == pytest.approx(100 * 2 / 7)
    assert result.details == {"edits": 2.0, "reference_words": 7.0}


def test_the_choices_of_bleu_show_in_number_and_signature() -> None:
    outputs, references = ["The cat, it sat on mats."], [["the cat , it sat on mats ."]]
    assert Bleu().score(outputs, references).value < 100
    lowercase = Bleu(lowercase=True).score(outputs, references)
    assert lowercase.value == pytest.approx(100)
    assert "case:lc" in lowercase.signature
    assert "tok:13a" in lowercase.signature
    uncut = Bleu(tokenize="none").score(outputs, references)
    assert uncut.value < Bleu().score(outputs, references).value
    assert "tok:none" in uncut.signature


@pytest.mark.parametrize("tokenize", TOKENIZATIONS)
def test_every_tokenization_is_at_hand(tokenize: str) -> None:
    text = "the cat sat, 猫は座った, on a mat"
    assert Bleu(tokenize=tokenize).score([text], [[text]]).value == pytest.approx(100)


def test_an_unknown_tokenization_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"tokenize: unknown tokenization 'moses' \(choose one of 13a, "):
        Bleu(tokenize="moses")


def test_text_that_is_cut_already_is_scored_in_silence(caplog: pytest.LogCaptureFixture) -> None:
    Bleu().score(["a b c d ."] * 200, [["a b c d ."]] * 200)
    assert not caplog.records


def test_the_signature_counts_the_references_of_this_text() -> None:
    metric = Bleu()
    assert "nrefs:2|" in metric.score(["a", "b"], [["a", "c"], ["b", "d"]]).signature
    assert "nrefs:var|" in metric.score(["a", "b"], [["a", "c"], ["b"]]).signature
    assert "nrefs:1|" in metric.score(["a", "b"], [["a"], ["b"]]).signature
