import math

import pytest
import torch

from regard.decoding.search import search
from regard.decoding.types import GreedyConfig
from regard.text.vocabulary import BOS, EOS, PAD, UNK
from tests.decoding.step_models import A, B, C, Counting, Markov, Recurrent, Watched, log_table, sources

TEXTS = [[4, 5, 6], [7], [5, 5, 4, 6, 7, 4], [6, 4]]


def test_the_likeliest_token_by_hand() -> None:
    model = Markov(log_table(7, {BOS: {A: 0.6, B: 0.4}, A: {C: 0.7, EOS: 0.3}, C: {EOS: 0.8, A: 0.2}})[None])
    [found] = search(model, sources([A]), GreedyConfig())[0]
    assert (found.ids, found.ended) == ((A, C), True)
    assert found.token_log_probs == pytest.approx([math.log(p) for p in (0.6, 0.7, 0.8)])
    assert found.log_prob == found.score == pytest.approx(math.log(0.6 * 0.7 * 0.8))


def test_padding_start_and_unknown_are_never_written() -> None:
    logits = torch.zeros(1, 6, 6)
    logits[:, :, [PAD, BOS, UNK]] = 9.0
    logits[:, :, B] = 1.0
    [found] = search(Markov(logits), sources([A]), GreedyConfig(max_length=3))[0]
    assert (found.ids, found.ended) == ((B, B, B), False)
    assert len(found.token_log_probs) == 3


def test_where_no_token_may_come_next_the_output_is_cut_off() -> None:
    model = Markov(log_table(6, {BOS: {A: 1.0}, A: {UNK: 1.0}})[None])
    [found] = search(model, sources([A]), GreedyConfig())[0]
    assert (found.ids, found.ended) == ((A,), False)


def test_rows_that_are_over_are_not_stepped() -> None:
    ends_after = torch.full((3, 8, 8), -9.0)  # by the source: at once, after one token, never
    ends_after[0, BOS, EOS] = ends_after[1:, BOS, A] = ends_after[1, A, EOS] = ends_after[2, A, A] = 0.0
    model = Watched(Markov(ends_after))
    found = search(model, sources([6], [7], [8]), GreedyConfig(max_length=4))
    assert [h.ids for [h] in found] == [(), (A,), (A, A, A, A)]
    assert model.stepped == [3, 2, 1, 1, 1]


def test_each_sentence_has_its_own_limit() -> None:
    model = Markov(log_table(6, {BOS: {A: 1.0}, A: {A: 1.0}})[None])
    found = search(model, sources([A], [A] * 3), GreedyConfig(length_ratio=1.5, length_extra=1))
    assert [len(h.ids) for [h] in found] == [2, 5]
    assert not any(h.ended for [h] in found)


def test_the_state_follows_its_row() -> None:
    count_up = torch.full((5, 8), -9.0)
    for step, token in enumerate([A, B, C, EOS]):
        count_up[step, token] = 0.0
    assert [h.ids for [h] in search(Counting(count_up), sources(*TEXTS), GreedyConfig())] == [(A, B, C)] * 4


def test_a_sentence_is_found_alike_in_any_batch() -> None:
    model, config = Recurrent(size=30, seed=3), GreedyConfig(no_repeat=2)
    together = search(model, sources(*TEXTS), config)
    assert search(model, sources(*TEXTS[::-1]), config)[::-1] == together
    assert [search(model, sources(text), config)[0] for text in TEXTS] == together
