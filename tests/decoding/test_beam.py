import math
from collections.abc import Sequence
from typing import Any

import pytest
import torch

from regard.decoding.search import Found, search
from regard.decoding.types import (
    BeamConfig,
    GnmtNormalisation,
    GreedyConfig,
    LengthNormalisation,
    NoNormalisation,
    PowerNormalisation,
)
from regard.text.vocabulary import BOS, EOS, PAD, UNK
from tests.decoding.step_models import A, B, C, Counting, Markov, Recurrent, Watched, log_table, next_log_probs, sources

LENGTHS = [NoNormalisation(), GnmtNormalisation(), GnmtNormalisation(alpha=2.0), PowerNormalisation()]
every_length = pytest.mark.parametrize(
    "length", LENGTHS, ids=lambda length: f"{length.kind}-{getattr(length, 'alpha', 0)}"
)
TEXTS = [[4, 5, 6], [7], [5, 5, 4, 6, 7, 4], [6, 4], [4, 4, 4], [7, 6]]
Scored = list[tuple[tuple[int, ...], bool, float]]


def facts(found: Sequence[Found]) -> Scored:
    return [(h.ids, h.ended, h.score) for h in found]


def assert_same(found: Sequence[Found], wanted: Scored) -> None:
    assert [(ids, ended) for ids, ended, _ in facts(found)] == [(ids, ended) for ids, ended, _ in wanted]
    assert [h.score for h in found] == pytest.approx([score for _, _, score in wanted], abs=1e-5)


def exhaustive(model: Any, source: Sequence[int], limit: int, length: LengthNormalisation) -> Scored:
    """Score every output that ends within the limit, best first."""
    ended: Scored = []

    def grow(ids: tuple[int, ...], total: float, state: Any) -> None:
        log_probs, state = next_log_probs(model, source, ids[-1] if ids else BOS, state)
        ended.append((ids, True, (total + log_probs[EOS]) / length.divisor(len(ids) + 1)))
        if len(ids) < limit:
            for token in range(UNK + 1, len(log_probs)):
                grow((*ids, token), total + log_probs[token], state)

    grow((), 0.0, None)
    return sorted(ended, key=lambda h: -h[2])


def plain_beam(model: Any, source: Sequence[int], limit: int, config: BeamConfig) -> Scored:
    """Beam search with places, one hypothesis at a time; what can no longer win is dropped."""
    live: list[tuple[tuple[int, ...], float, Any]] = [((), 0.0, None)]
    ended: Scored = []
    for step in range(limit + 1):
        candidates = []
        for ids, total, state in live:
            log_probs, after = next_log_probs(model, source, ids[-1] if ids else BOS, state)
            allowed = [token for token in range(len(log_probs)) if token not in (PAD, BOS, UNK)]
            candidates += [((*ids, token), total + log_probs[token], after) for token in allowed]
        candidates.sort(key=lambda c: -c[1])
        divisor = config.length.divisor(step + 1)
        best = candidates[: config.beams - len(ended)]
        ended += [(ids[:-1], True, total / divisor) for ids, total, _ in best if ids[-1] == EOS]
        if step == limit:
            over = {ids[:-1] for ids, _, _ in best if ids[-1] == EOS}
            rest = [(ids, False, total / config.length.divisor(step)) for ids, total, _ in live if ids not in over]
            return (sorted(ended, key=lambda h: -h[2]) + sorted(rest, key=lambda h: -h[2]))[: config.n_best]
        live = [c for c in candidates if c[0][-1] != EOS][: config.beams - len(ended)]
        if len(ended) >= config.n_best:
            to_beat = sorted(score for _, _, score in ended)[-config.n_best]
            live = [c for c in live if c[1] / config.length.divisor(limit + 1) > to_beat]
    return sorted(ended, key=lambda h: -h[2])[: config.n_best]


@every_length
def test_a_beam_wider_than_the_tree_finds_what_exhaustive_search_finds(length: LengthNormalisation) -> None:
    for seed in range(4):
        model = Recurrent(size=6, seed=seed)  # two tokens of text: 1 + 2 + 4 + 8 outputs of up to 3 tokens
        beams = 8 * 3 + 15  # candidates in the last step, and what ended before
        config = BeamConfig(beams=beams, n_best=15, length=length, max_length=3)
        assert_same(search(model, sources([4, 5]), config)[0], exhaustive(model, [4, 5], 3, length))


@every_length
@pytest.mark.parametrize(("beams", "n_best"), [(2, 1), (3, 3), (4, 2), (5, 1)])
def test_it_agrees_with_a_plain_one(length: LengthNormalisation, beams: int, n_best: int) -> None:
    for seed in range(6):
        model = Recurrent(size=9, seed=seed)
        config = BeamConfig(beams=beams, n_best=n_best, length=length, length_ratio=1.0, length_extra=4)
        for text, found in zip(TEXTS, search(model, sources(*TEXTS), config), strict=True):
            assert_same(found, plain_beam(model, text, len(text) + 4, config))


@every_length
@pytest.mark.parametrize("beams", [1, 2, 4, 8])
def test_unlikely_early_ends_never_crowd_out_the_likeliest(length: LengthNormalisation, beams: int) -> None:
    """A model sure of itself: at every step EOS is the second choice, far behind."""
    sure, rest = 1 - 1e-4, 1e-4 / 2
    chain = {BOS: A, A: B, B: C, C: EOS}
    rows = {last: {token: sure, EOS: rest, UNK + 4: rest} for last, token in chain.items() if token != EOS}
    table = log_table(8, rows | {C: {EOS: sure, A: 1 - sure}, UNK + 4: {EOS: 0.9, A: 0.1}})
    config = BeamConfig(beams=beams, length=length)
    assert search(Markov(table[None]), sources([A, B, C]), config)[0][0].ids == (A, B, C)


@every_length
@pytest.mark.parametrize("limits", [{}, {"min_length": 4}, {"no_repeat": 2}, {"max_length": 3}])
def test_a_beam_of_one_is_greedy_search(length: LengthNormalisation, limits: dict[str, int]) -> None:
    for seed in range(6):
        model, source = Recurrent(size=12, seed=seed), sources(*TEXTS)
        narrow = search(model, source, BeamConfig(beams=1, length=length, **limits))
        greedy = search(model, source, GreedyConfig(**limits))
        assert [(n.ids, n.ended, n.token_log_probs) for [n] in narrow] == [
            (g.ids, g.ended, g.token_log_probs) for [g] in greedy
        ]


def test_a_second_beam_finds_what_greedy_search_walks_past() -> None:
    table = log_table(
        7, {BOS: {A: 0.6, B: 0.4}, A: {C: 0.5, EOS: 0.5}, B: {EOS: 0.9, C: 0.1}, C: {EOS: 0.5, A: 0.25, B: 0.25}}
    )
    model = Markov(table[None])
    config = BeamConfig(beams=2, n_best=2, length=NoNormalisation())
    best, second = search(model, sources([A]), config)[0]
    assert (best.ids, second.ids) == ((B,), (A,))
    assert best.log_prob == pytest.approx(math.log(0.4 * 0.9))
    assert second.token_log_probs == pytest.approx((math.log(0.6), math.log(0.5)))
    [greedy] = search(model, sources([A]), GreedyConfig())[0]
    assert greedy.log_prob == pytest.approx(math.log(0.6 * 0.5))


def test_scores_are_normalised_with_the_end_counted() -> None:
    model = Markov(log_table(6, {BOS: {A: 1.0}, A: {B: 0.5, EOS: 0.5}})[None])
    config = BeamConfig(beams=2, n_best=2, length=PowerNormalisation(alpha=1.0))
    longer, shorter = search(model, sources([A]), config)[0]
    assert (longer.ids, shorter.ids) == ((A, B), (A,))
    assert (longer.score, shorter.score) == pytest.approx((math.log(0.5) / 3, math.log(0.5) / 2))


def test_a_hypothesis_that_ended_ranks_before_one_cut_off() -> None:
    model = Markov(log_table(6, {BOS: {A: 0.9, EOS: 0.1}, A: {A: 1.0}})[None])
    config = BeamConfig(beams=2, n_best=2, length=NoNormalisation(), max_length=3)
    ended, cut = search(model, sources([A]), config)[0]
    assert (ended.ids, ended.ended) == ((), True)
    assert (cut.ids, cut.ended) == ((A, A, A), False)
    assert cut.score > ended.score


def test_a_hypothesis_as_long_as_the_limit_may_still_end() -> None:
    model = Markov(log_table(6, {BOS: {A: 1.0}, A: {B: 1.0}, B: {EOS: 1.0}})[None])
    [found] = search(model, sources([A]), BeamConfig(max_length=2))[0]
    assert (found.ids, found.ended) == ((A, B), True)


def test_equal_candidates_come_by_rank_and_token() -> None:
    model = Markov(torch.zeros(1, 40, 40))  # every token is as likely as any other
    config = BeamConfig(beams=3, n_best=3, min_length=1, max_length=1, length=NoNormalisation())
    assert [h.ids for h in search(model, sources([A]), config)[0]] == [(4,), (5,), (6,)]


def test_where_no_token_may_come_next_the_output_is_cut_off() -> None:
    model = Markov(log_table(6, {BOS: {A: 0.5, B: 0.5}, A: {UNK: 1.0}, B: {PAD: 1.0}})[None])
    found = search(model, sources([A]), BeamConfig(beams=2, n_best=2))[0]
    assert [(h.ids, h.ended) for h in found] == [((A,), False), ((B,), False)]


def test_logits_that_are_not_numbers_end_the_search() -> None:
    [found] = search(Markov(torch.full((1, 8, 8), math.nan)), sources([A]), BeamConfig())[0]
    assert (found.ids, found.ended) == ((), False)


def test_the_state_follows_its_hypothesis() -> None:
    count_up = torch.full((6, 8), -9.0)
    for step, token in enumerate([A, B, C, A, EOS]):
        count_up[step, token] = 0.0
    for found in search(Counting(count_up), sources(*TEXTS), BeamConfig(beams=5)):
        assert found[0].ids == (A, B, C, A)


def test_a_sentence_is_found_alike_in_any_batch() -> None:
    model = Recurrent(size=30, seed=3)
    config = BeamConfig(beams=4, n_best=4, no_repeat=3)
    together = search(model, sources(*TEXTS), config)
    assert [facts(f) for f in search(model, sources(*TEXTS[::-1]), config)] == [facts(f) for f in together[::-1]]
    assert [facts(search(model, sources(text), config)[0]) for text in TEXTS] == [facts(f) for f in together]


def test_only_live_rows_are_stepped() -> None:
    ends_after = torch.full((3, 8, 8), -9.0)  # by the source: after one token, two, never
    ends_after[:, :, EOS] = -20.0
    ends_after[:, BOS, A] = 0.0
    ends_after[0, A, EOS] = ends_after[1, A, B] = ends_after[1, B, EOS] = ends_after[2, A, A] = 0.0
    model = Watched(Markov(ends_after))
    search(model, sources([6], [7], [8]), BeamConfig(beams=2, length=NoNormalisation(), max_length=5))
    assert model.stepped[0] == 3
    assert model.stepped[1] == 6
    assert model.stepped[2:] == [4, 2, 2, 2]  # one sentence less, then another; then to the limit


def test_what_can_no_longer_win_is_not_stepped() -> None:
    table = log_table(8, {BOS: {A: 0.98, B: 0.02}, A: {C: 0.6, EOS: 0.4}, B: {B: 1.0}, C: {EOS: 0.5, C: 0.5}})
    model = Watched(Markov(table[None]))
    [best] = search(model, sources([A]), BeamConfig(beams=3, length=NoNormalisation()))[0]
    assert best.log_prob == pytest.approx(math.log(0.98 * 0.4))
    assert model.stepped == [1, 2, 1]  # B (0.02) is dropped once A EOS (0.392) has ended; C (0.588) is not


def test_the_n_best_are_different_and_in_order() -> None:
    found = search(Recurrent(size=20, seed=5), sources(*TEXTS), BeamConfig(beams=6, n_best=6))
    for hypotheses in found:
        assert len({h.ids for h in hypotheses}) == 6
        assert hypotheses == sorted(hypotheses, key=lambda h: (not h.ended, -h.score))
