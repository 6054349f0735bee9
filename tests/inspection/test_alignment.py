import json
from pathlib import Path

import numpy as np
import pytest

from regard.errors import DataError, UnsupportedError
from regard.inspection.alignment import Choice, ErrorMap, Reading, align, error_map, linked, word_weights
from regard.inspection.attribution import PairWords
from regard.inspection.heads import Head
from regard.inspection.silver import silver
from regard.inspection.trace import trace_subject
from regard.inspection.words import Words
from regard.metrics.alignments import alignment_error_rate, parse_gold
from regard.models.configs import ModelConfig
from tests.inspection.looking import subject
from tests.tiny_model import RECURRENT, TRANSFORMER

PAIRS = [(list("ab cd ef"), ["HH", "IH"]), (list("mn o"), ["G", "AA", "K"]), (list("ij"), ["AA"])]
GOLD = [parse_gold("0-0 2-1"), parse_gold("0-0 1-2 1p1"), parse_gold("0-0")]


def test_links_by_hand() -> None:
    """Both output words look most at source word 0; source word 1 is looked at most by the second, 2 by the first."""
    assert linked(np.array([[0.6, 0.1, 0.3], [0.7, 0.2, 0.1]])) == {(0, 0), (0, 1), (1, 1), (2, 0)}


def test_words_are_read_at_either_step() -> None:
    """Source words of 1 and 2 pieces, output words of 2 and 1; the row of EOS and the column of EOS are left out."""
    source = Words(("x", "y", "</s>"), np.array([[1, 0, 0], [0, 1, 0], [0, 1, 0], [0, 0, 1]], float), (2,))
    target = Words(("u", "v", "</s>"), np.array([[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], float), (2,))
    pair = PairWords(source, target, target)
    weights = np.array([[0.5, 0.2, 0.1, 0.2], [0.1, 0.4, 0.5, 0.0], [0.3, 0.3, 0.3, 0.1], [0.0, 0.1, 0.1, 0.8]])
    assert word_weights(weights, pair, "output") == pytest.approx(np.array([[0.3, 0.6], [0.3, 0.6]]))
    assert word_weights(weights, pair, "input") == pytest.approx(np.array([[0.2, 0.75], [0.0, 0.2]]))


@pytest.mark.parametrize("config", [TRANSFORMER, RECURRENT], ids=["transformer", "recurrent"])
def test_every_reading_is_measured_as_if_alone(tmp_path: Path, config: ModelConfig) -> None:
    looked = subject(tmp_path, config)
    found = error_map(looked, PAIRS, GOLD)
    assert len(found.readings) == (16 if config is TRANSFORMER else 4)
    for reading, error in zip(found.readings, found.errors, strict=True):
        links = [
            align(
                trace_subject(looked, *pair, reading.measure), PairWords.of(looked, *pair), reading.step, reading.head
            )
            for pair in PAIRS
        ]
        assert error == pytest.approx(alignment_error_rate(links, GOLD))


def test_what_is_chosen_on_one_half_is_measured_on_the_other() -> None:
    """On pairs 0 and 2 the second reading is right and the first wrong; on 1 and 3 the second has half of it."""
    right, wrong, half = [1, 1, 1, 1], [0, 0, 1, 1], [1, 1, 2, 2]
    sums = np.array([[wrong, right, wrong, right], [right, half, right, half]], float)
    readings = tuple(Reading(Head(0, "encoder-decoder", i), "weight", "output") for i in (0, 1))
    choice = ErrorMap(readings, sums, "gold").choose()
    assert choice.reading.head.head == 1
    assert choice.error == pytest.approx(0.5)
    assert choice.interval == pytest.approx((0.5, 0.5))
    assert choice.pairs == 2
    assert Choice.from_json(json.loads(json.dumps(choice.to_json()))) == choice
    assert "error rate 0.500 (0.500 to 0.500) against gold alignments of 2 pairs" in choice.words


def test_a_link_that_leads_out_of_the_text(tmp_path: Path) -> None:
    gold = [*GOLD[:2], parse_gold("0-0 0p1")]
    with pytest.raises(DataError, match=r"alignment 3: link 0-1, but the texts have 1 and 1 words"):
        error_map(subject(tmp_path), PAIRS, gold)


def test_a_model_without_such_attention(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("regard.inspection.alignment.heads_of", lambda model: [])
    with pytest.raises(UnsupportedError, match="model: has no encoder-decoder attention"):
        error_map(subject(tmp_path), PAIRS, GOLD)


def test_silver_comes_from_the_texts_alone(tmp_path: Path) -> None:
    """AA stands wherever "ab" does, and G wherever "cd" does: the aligner needs no model to see it."""
    looked = subject(tmp_path)
    pairs = [(list("ab cd"), ["AA", "G"]), (list("ab"), ["AA"]), (list("cd"), ["G"]), ([], ["AA"])]
    found = silver(looked, pairs, [("ab ij", "AA K"), ("cd ij", "G K")] * 3)
    assert [gold.sure for gold in found] == [{(0, 0), (1, 1)}, {(0, 0)}, {(0, 0)}, set()]
    assert all(gold.sure == gold.possible for gold in found)
