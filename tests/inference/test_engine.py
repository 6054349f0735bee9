from itertools import count

import pytest

from regard.decoding.types import BeamConfig, GreedyConfig, NoNormalisation, SamplingConfig
from regard.errors import UnsupportedError
from regard.inference.engine import FEATURES, needed_for, require, windows
from tests.inference.echo_engine import EchoEngine


def test_windows_hold_every_item_once() -> None:
    assert list(windows(range(7), 3)) == [[0, 1, 2], [3, 4, 5], [6]]
    assert list(windows([], 3)) == []


def test_a_window_is_read_when_it_is_asked_for() -> None:
    numbers = count()
    first = next(windows(numbers, 3))
    assert first == [0, 1, 2]
    assert next(numbers) == 3


@pytest.mark.parametrize(
    ("config", "prefix", "expected"),
    [
        (GreedyConfig(), False, {"greedy search"}),
        (BeamConfig(length=NoNormalisation()), True, {"beam search", "length normalisation none", "a forced prefix"}),
        (
            SamplingConfig(n_best=2, min_length=1, no_repeat=2),
            False,
            {"sampling search", "several hypotheses", "a minimum length", "blocked repetition"},
        ),
    ],
)
def test_what_a_search_needs(config: GreedyConfig, prefix: bool, expected: set[str]) -> None:
    assert needed_for(config, prefix=prefix) == expected
    assert expected <= FEATURES


def test_an_engine_that_lacks_something_says_what() -> None:
    engine = EchoEngine(supports=frozenset({"greedy search"}))
    require(engine, {"greedy search"})
    words = "engine 'echo': a forced prefix, beam search: not supported .use engine 'torch'."
    with pytest.raises(UnsupportedError, match=words):
        require(engine, {"greedy search", "beam search", "a forced prefix"})
