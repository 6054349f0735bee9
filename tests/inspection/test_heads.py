import pytest

from regard.errors import UsageError
from regard.inspection.heads import Head, heads_of
from tests.tiny import PAPER, RECURRENT, tiny_model


def test_every_head_of_a_transformer_has_a_name() -> None:
    heads = heads_of(tiny_model(PAPER))
    assert len(heads) == 3 * 2 * 4
    assert [Head.named(str(head)) for head in heads] == heads
    assert str(heads[-1]) == "encoder-decoder.2.4"
    assert heads[0].words == "encoder attention, layer 1, head 1"


def test_a_recurrent_model_has_one() -> None:
    assert heads_of(tiny_model(RECURRENT)) == [Head(0, "encoder-decoder", 0)]


@pytest.mark.parametrize("name", ["", "encoder", "encoder.0.1", "encoder.1.0", "cross.1.1", "encoder.1.1.1"])
def test_what_is_no_head(name: str) -> None:
    with pytest.raises(UsageError, match=r"head: .* is no head .such as"):
        Head.named(name)
