import numpy as np
import pytest

from regard.errors import DataError
from regard.metrics.alignments import Gold, alignment_error_rate, error_rate, parse_gold, pharaoh, written


def test_the_written_form_goes_both_ways() -> None:
    gold = parse_gold("1-2 0-0 2p2 3?1")
    assert gold == Gold(frozenset({(0, 0), (1, 2)}), frozenset({(0, 0), (1, 2), (2, 2), (3, 1)}))
    assert written(gold) == "0-0 1-2 2p2 3p1"
    assert parse_gold(written(gold)) == gold
    assert pharaoh({(1, 0), (0, 3)}) == "0-3 1-0"
    assert parse_gold("") == Gold(frozenset(), frozenset())


@pytest.mark.parametrize("line", ["0-", "a-b", "0-0,1-1", "0:0"])
def test_what_is_no_link(line: str) -> None:
    with pytest.raises(DataError, match=r"gold:3: .* is no link .such as 0-0"):
        parse_gold(line, "gold:3")


def test_the_error_rate_by_hand() -> None:
    """Two sure, one possible besides; found are one sure, the possible and a wrong one: 1 - (1 + 2) / (3 + 2)."""
    gold, found = parse_gold("0-0 1-1 2p2"), frozenset({(0, 0), (2, 2), (2, 0)})
    assert alignment_error_rate([found], [gold]) == pytest.approx(0.4)
    assert alignment_error_rate([gold.sure], [gold]) == alignment_error_rate([gold.possible], [gold]) == 0
    assert alignment_error_rate([frozenset()], [gold]) == 1


def test_pairs_are_counted_together() -> None:
    """1 of 1 right and 0 of 3: 1 - 2/8."""
    gold = [parse_gold("0-0"), parse_gold("0-0 1-1 2-2")]
    assert alignment_error_rate([gold[0].sure, frozenset({(0, 1), (1, 0), (2, 0)})], gold) == pytest.approx(0.75)
    assert error_rate(np.zeros((2, 4))).tolist() == [1, 1]
