import math

import pytest
import torch
from torch.testing import assert_close

from regard.decoding.ensemble import Ensemble
from regard.decoding.search import search
from regard.decoding.types import BeamConfig, GreedyConfig
from regard.errors import UnsupportedError
from regard.text.vocabulary import BOS, EOS
from tests.decoding.step_models import A, B, C, Markov, Recurrent, log_table, sources
from tests.tolerances import SAME_MATH

TEXTS = [[4, 5, 6], [7], [5, 5, 4, 6, 7, 4]]


def test_a_model_with_itself_is_the_model() -> None:
    model, config = Recurrent(size=15, seed=2), BeamConfig(beams=3, n_best=3)
    for alone, twice in zip(
        search(model, sources(*TEXTS), config), search(Ensemble([model, model]), sources(*TEXTS), config), strict=True
    ):
        assert [h.ids for h in twice] == [h.ids for h in alone]
        assert_close([h.log_prob for h in twice], [h.log_prob for h in alone], **SAME_MATH)


def test_the_mean_of_probabilities_by_hand() -> None:
    sure = Markov(log_table(7, {BOS: {A: 0.6, B: 0.4}, A: {EOS: 1.0}, B: {EOS: 1.0}})[None])
    other = Markov(log_table(7, {BOS: {B: 0.5, C: 0.5}, A: {EOS: 1.0}, B: {C: 0.5, EOS: 0.5}})[None])
    [found] = search(Ensemble([sure, other]), sources([A]), GreedyConfig())[0]
    assert found.ids == (B,)
    assert found.token_log_probs == pytest.approx((math.log(0.45), math.log(0.75)))


def test_each_model_keeps_its_own_state() -> None:
    first, second = Recurrent(size=12, seed=1), Recurrent(size=12, seed=2, width=9)
    both, source = Ensemble([first, second]), sources(*TEXTS)
    state = both.init_state(both.encode(source)).select(torch.tensor([2, 0]))
    logits, _ = both.step(torch.tensor([BOS, BOS]), state)
    probs = [m.step(torch.tensor([BOS] * 3), m.init_state(m.encode(source)))[0].softmax(-1) for m in (first, second)]
    assert_close(logits.exp(), ((probs[0] + probs[1]) / 2)[[2, 0]], **SAME_MATH)


def test_the_error_names_both_sizes() -> None:
    models = [Recurrent(size=12, seed=1), Recurrent(size=10, seed=1)]
    with pytest.raises(UnsupportedError, match=r"ensemble: vocabularies of 10 and 12 tokens \(train its models"):
        search(Ensemble(models), sources([4]), GreedyConfig())


def test_an_ensemble_needs_a_model() -> None:
    with pytest.raises(UnsupportedError, match="ensemble: there are no models"):
        Ensemble([])
