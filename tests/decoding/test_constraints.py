import math

import pytest
import torch
from torch.testing import assert_close

from regard.decoding.constraints import Constraint, constraint_for, permitted
from regard.decoding.search import search
from regard.decoding.types import BeamConfig, DecodingConfig, GreedyConfig, SamplingConfig
from regard.text.vocabulary import BOS, EOS, PAD, UNK
from tests.decoding.step_models import A, B, C, D, Recurrent, next_log_probs, sources

ALWAYS = {PAD, BOS, UNK}
CPU = torch.device("cpu")
SEARCHES: list[DecodingConfig] = [GreedyConfig(), BeamConfig(beams=3, n_best=3), SamplingConfig(n_best=3)]


def forbidden(constraint: Constraint, rows: int) -> list[set[int]]:
    """Return which of 8 tokens each row may not write."""
    log_probs = permitted(torch.zeros(rows, 8), constraint)
    allowed = log_probs[log_probs > -math.inf]
    assert_close(allowed, torch.full_like(allowed, math.log(1 / 8)))
    return [set((row == -math.inf).nonzero()[:, 0].tolist()) for row in log_probs]


def write(constraint: Constraint, *texts: list[int]) -> Constraint:
    """Go on with one text per row."""
    for tokens in zip(*texts, strict=True):
        constraint = constraint.follow(torch.arange(len(texts)), torch.tensor(tokens))
    return constraint


def test_logits_in_bfloat16_give_log_probabilities_in_float32() -> None:
    log_probs = permitted(torch.zeros(1, 8, dtype=torch.bfloat16), constraint_for(GreedyConfig(), [()], CPU))
    assert log_probs[0, A].item() == pytest.approx(math.log(1 / 8), rel=1e-6)


def test_the_end_is_forbidden_before_the_minimum() -> None:
    constraint = constraint_for(GreedyConfig(min_length=2), [()], CPU)
    assert forbidden(constraint, 1) == [ALWAYS | {EOS}]
    assert forbidden(write(constraint, [A]), 1) == [ALWAYS | {EOS}]
    assert forbidden(write(constraint, [A, B]), 1) == [ALWAYS]


@pytest.mark.parametrize(
    ("size", "text", "banned"),
    [
        (1, [A, B], {A, B}),
        (2, [A, B, A], {B}),
        (2, [A, B, A, C, A], {B, C}),
        (2, [A, A], {A}),
        (3, [A, B, C, A, B], {C}),
        (3, [A, B], set()),
        (3, [A, B, C, B], set()),
    ],
)
def test_an_n_gram_does_not_come_twice(size: int, text: list[int], banned: set[int]) -> None:
    constraint = write(constraint_for(GreedyConfig(no_repeat=size), [()], CPU), text)
    assert forbidden(constraint, 1) == [ALWAYS | banned]


def test_what_is_known_of_a_row_goes_where_the_row_goes() -> None:
    constraint = write(constraint_for(GreedyConfig(no_repeat=2), [(), ()], CPU), [A, B], [C, D])
    mixed = constraint.follow(torch.tensor([1, 0, 1]), torch.tensor([C, A, B]))
    assert forbidden(mixed, 3) == [ALWAYS | {D}, ALWAYS | {B}, ALWAYS]


def test_a_prefix_leaves_one_token_and_then_steps_aside() -> None:
    constraint = constraint_for(GreedyConfig(min_length=3), [(UNK, B), (), (C,)], CPU)
    everything = set(range(8))
    assert forbidden(constraint, 3) == [everything - {UNK}, ALWAYS | {EOS}, everything - {C}]
    swapped = constraint.follow(torch.tensor([2, 0]), torch.tensor([C, UNK]))
    assert forbidden(swapped, 2) == [ALWAYS | {EOS}, everything - {B}]
    assert forbidden(write(swapped, [A, A], [B, A]), 2) == [ALWAYS, ALWAYS]


@pytest.mark.parametrize("config", SEARCHES, ids=lambda config: config.kind)
def test_outputs_start_with_their_prefix_and_pay_for_it(config: DecodingConfig) -> None:
    model, prefixes = Recurrent(size=12, seed=1), [[9, 9, 4], [], [10]]
    found = search(model, sources([4], [5, 6], [7]), config, prefixes=prefixes)
    assert [len(hypotheses) for hypotheses in found] == [config.n_best] * 3
    for prefix, hypotheses in zip(prefixes, found, strict=True):
        assert all(list(h.ids[: len(prefix)]) == prefix for h in hypotheses)
    first, state = next_log_probs(model, [4], BOS)
    second, _ = next_log_probs(model, [4], 9, state)
    assert found[0][0].token_log_probs[:2] == pytest.approx((first[9], second[9]), abs=1e-5)
    assert search(model, sources([5, 6]), config, keys=[1])[0] == found[1]


def test_a_prefix_may_be_longer_than_the_limit() -> None:
    [found] = search(Recurrent(size=12, seed=1), sources([4]), BeamConfig(max_length=2), prefixes=[[9, 8, 7]])[0]
    assert found.ids == (9, 8, 7)


@pytest.mark.parametrize("kind", [GreedyConfig, BeamConfig, SamplingConfig])
def test_every_search_obeys(kind: type[DecodingConfig]) -> None:
    texts = [[4, 5, 6], [7], [5, 5, 4, 6]]
    for seed in range(5):
        for [found] in search(Recurrent(size=10, seed=seed), sources(*texts), kind(min_length=6, no_repeat=2)):
            assert len(found.ids) >= 6
            assert not {PAD, BOS, EOS, UNK} & set(found.ids)
            pairs = list(zip(found.ids, found.ids[1:], strict=False))
            assert len(pairs) == len(set(pairs))
