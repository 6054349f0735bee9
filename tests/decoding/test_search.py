import pytest
import torch

from regard.config import from_mapping
from regard.decoding import LENGTHS, SEARCHES
from regard.decoding.search import search
from regard.decoding.types import BeamConfig, GnmtNormalisation, GreedyConfig, PowerNormalisation, SamplingConfig
from regard.errors import ConfigError, DataError
from regard.text.vocabulary import BOS, EOS, PAD
from tests.decoding.step_models import A, B, Markov, Recurrent, sources


@pytest.mark.parametrize("kind", SEARCHES)
def test_every_kind_searches(kind: str) -> None:
    config = from_mapping(SEARCHES[kind], {"max_length": 4})
    found = search(Recurrent(size=9, seed=1), sources([4], [5, 6]), config)
    assert [len(hypotheses) for hypotheses in found] == [1, 1]


@pytest.mark.parametrize("kind", SEARCHES)
def test_models_in_bfloat16_are_searched(kind: str) -> None:
    logits = torch.full((1, 6, 6), -8.0, dtype=torch.bfloat16)
    logits[0, BOS, A] = logits[0, A, B] = logits[0, B, EOS] = 8.0
    [found] = search(Markov(logits), sources([A]), SEARCHES[kind]())[0]
    assert found.ids == (A, B)
    assert found.log_prob == pytest.approx(0.0, abs=1e-5)


@pytest.mark.parametrize("token", [PAD, BOS, EOS])
def test_a_prefix_of_marks_is_refused(token: int) -> None:
    with pytest.raises(DataError, match="prefix 2: holds a token that only marks padding, start or end"):
        search(Recurrent(size=9, seed=1), sources([4], [5]), GreedyConfig(), prefixes=[[], [4, token]])


def test_nothing_is_kept_for_gradients() -> None:
    table = torch.zeros(1, 6, 6, requires_grad=True)
    search(Markov(table), sources([A]), BeamConfig(max_length=2))
    assert table.grad is None


def test_the_limit_of_an_output() -> None:
    config = GreedyConfig(length_ratio=1.5, length_extra=2, min_length=4, max_length=9)
    assert [config.limit(length) for length in (0, 2, 3, 100)] == [4, 5, 6, 9]


@pytest.mark.parametrize("kind", LENGTHS)
def test_divisors_never_fall(kind: str) -> None:
    divisors = [LENGTHS[kind]().divisor(length) for length in range(1, 50)]
    assert divisors == sorted(divisors)


def test_divisors_by_hand() -> None:
    assert GnmtNormalisation(alpha=1.0).divisor(7) == 2.0
    assert PowerNormalisation(alpha=0.5).divisor(9) == 3.0


def test_impossible_settings_are_refused_in_words() -> None:
    with pytest.raises(ConfigError, match=r"alpha: -1.0 is not within 0 to 10"):
        GnmtNormalisation(alpha=-1.0)
    with pytest.raises(ConfigError, match=r"n_best: greedy search finds 1 hypothesis, not 3 \(use beam or sampling"):
        GreedyConfig(n_best=3)
    with pytest.raises(ConfigError, match=r"n_best: 5 of 4 beams cannot be given \(keep at least 5 beams\)"):
        BeamConfig(n_best=5)
    with pytest.raises(ConfigError, match=r"temperature: 0.0 is not within 0.001 to 1000 \(for 0 use greedy\)"):
        SamplingConfig(temperature=0.0)
    with pytest.raises(ConfigError, match="length_ratio: nan is not within"):
        GreedyConfig(length_ratio=float("nan"))
