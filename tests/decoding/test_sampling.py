import math
from collections import Counter

import pytest
import torch
from torch.testing import assert_close

from regard.decoding.sampling import inverse, likely_part
from regard.decoding.search import Found, search
from regard.decoding.types import SamplingConfig
from regard.text.vocabulary import BOS, EOS
from tests.decoding.step_models import A, B, C, D, Markov, Recurrent, log_table, next_log_probs, sources
from tests.tolerances import SAME_MATH

TEXTS = [[4, 5, 6], [7], [5, 5, 4, 6, 7, 4], [6, 4]]
FIRST = {A: 0.5, B: 0.3, C: 0.15, D: 0.05}


def first_tokens(config: SamplingConfig) -> dict[int, float]:
    """Draw 4000 one-token outputs; return how often each token came."""
    model = Markov(log_table(8, {BOS: FIRST})[None])
    drawn = Counter(found.ids[0] for found in search(model, sources([A]), config)[0])
    return {token: count / 4000 for token, count in drawn.items()}


def assert_close_to(frequencies: dict[int, float], probs: dict[int, float]) -> None:
    assert frequencies.keys() == probs.keys()
    for token, prob in probs.items():
        assert abs(frequencies[token] - prob) <= 4 * (prob * (1 - prob) / 4000) ** 0.5  # four standard deviations


def test_tokens_come_as_often_as_they_are_likely() -> None:
    assert_close_to(first_tokens(SamplingConfig(n_best=4000)), FIRST)


def test_a_low_temperature_sharpens() -> None:
    total = sum(p**2 for p in FIRST.values())
    squared = {token: p**2 / total for token, p in FIRST.items()}
    assert_close_to(first_tokens(SamplingConfig(n_best=4000, temperature=0.5)), squared)


def test_a_temperature_next_to_0_is_greedy() -> None:
    assert first_tokens(SamplingConfig(n_best=4000, temperature=0.001)) == {A: 1.0}


def test_top_k_leaves_the_k_likeliest() -> None:
    assert_close_to(first_tokens(SamplingConfig(n_best=4000, top_k=2)), {A: 5 / 8, B: 3 / 8})


@pytest.mark.parametrize(
    ("top_p", "probs"), [(0.4, {A: 1.0}), (0.6, {A: 5 / 8, B: 3 / 8}), (0.9, {A: 10 / 19, B: 6 / 19, C: 3 / 19})]
)
def test_top_p_leaves_the_fewest_with_that_mass(top_p: float, probs: dict[int, float]) -> None:
    assert_close_to(first_tokens(SamplingConfig(n_best=4000, top_p=top_p)), probs)


def test_top_p_is_a_part_of_what_top_k_leaves() -> None:
    assert first_tokens(SamplingConfig(n_best=4000, top_k=2, top_p=0.6)) == {A: 1.0}


def test_a_flat_distribution_has_a_wide_likely_part() -> None:
    probs = torch.full((2, 1000), 0.001)
    probs[1] = 0.0
    probs[1, 500] = 1.0
    part, ids = likely_part(probs, 0, 0.8995)
    assert (part > 0).sum(1).tolist() == [900, 1]
    assert ids[0, :900].tolist() == list(range(900))
    narrow, narrow_ids = likely_part(probs[1:], 0, 0.8995)
    assert (narrow.size(1), part.size(1)) == (64, 1000)
    assert (narrow[0, 0], narrow_ids[0, 0]) == (part[1, 0], ids[1, 0])


def test_the_inverse_skips_what_cannot_be() -> None:
    probs = torch.tensor([[0.0, 0.25, 0.0, 0.75, 0.0]]).expand(4, 5)
    uniform = torch.tensor([0.0, 0.2499, 0.25, 1 - 2**-23])
    assert inverse(probs, uniform).tolist() == [1, 1, 3, 3]


def test_log_probabilities_are_the_models_own() -> None:
    model, config = Recurrent(size=12, seed=2), SamplingConfig(temperature=0.5, top_k=3, min_length=3, n_best=5)
    for found in search(model, sources([4, 5]), config)[0]:
        state, wanted = None, []
        written = (*found.ids, EOS) if found.ended else found.ids
        for last, token in zip((BOS, *written), written, strict=False):
            log_probs, state = next_log_probs(model, [4, 5], last, state)
            wanted.append(log_probs[token])
        assert_close(torch.tensor(found.token_log_probs), torch.tensor(wanted), **SAME_MATH)
        assert found.score == found.log_prob == pytest.approx(math.fsum(wanted), abs=1e-5)


def sample(order: list[int], seed: int = 1) -> dict[int, list[Found]]:
    """Draw three samples of some of the texts, in one batch and that order."""
    config = SamplingConfig(n_best=3, seed=seed, top_p=0.9)
    found = search(Recurrent(size=20, seed=4), sources(*(TEXTS[i] for i in order)), config, keys=order)
    return dict(zip(order, found, strict=True))


def test_a_line_is_given_the_same_samples_in_any_batch() -> None:
    together = sample([0, 1, 2, 3])
    assert sample([3, 1, 0, 2]) == together
    assert {i: sample([i])[i] for i in range(4)} == together


def test_seeds_and_samples_differ() -> None:
    assert sample([0, 1], seed=2) != sample([0, 1], seed=1)
    assert len({found.ids for found in sample([2])[2]}) == 3
