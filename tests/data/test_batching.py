import numpy as np
import pytest

from regard.data.batching import Examples, Lengths, epoch_batches
from regard.data.encode import encode_pairs
from regard.data.pairs import Pair
from regard.text.configs import SpacedConfig, UnigramConfig
from regard.text.sides import Sides, TextConfig

RANDOM = np.random.default_rng(3)
LENGTHS = Lengths(RANDOM.integers(1, 40, 501), RANDOM.integers(1, 50, 501))
SPACED = TextConfig(source=SpacedConfig(), target=SpacedConfig())
PAIRS = [Pair(" ".join("abcdefgh"[: 1 + i % 7]), " ".join("stuvwxyz"[: 1 + i % 5]), (), i + 1) for i in range(100)]


@pytest.mark.parametrize("batch_tokens", [1, 64, 1000, 10**6])
def test_an_epoch_has_every_pair_once_in_batches_that_fit(batch_tokens: int) -> None:
    batches = epoch_batches(LENGTHS, batch_tokens, seed=1, epoch=0)
    assert sorted(np.concatenate(batches)) == list(range(501))
    for pairs in batches:
        larger = max(LENGTHS.source[pairs].sum(), LENGTHS.target[pairs].sum())
        assert larger <= batch_tokens or len(pairs) == 1


def test_batches_are_full() -> None:
    batches = epoch_batches(LENGTHS, 1000, seed=1, epoch=0)
    shares = [max(LENGTHS.source[pairs].sum(), LENGTHS.target[pairs].sum()) / 1000 for pairs in batches]
    assert sum(share > 0.9 for share in shares) >= len(shares) - 1


def test_the_order_is_a_function_of_seed_and_epoch() -> None:
    def order(seed: int, epoch: int) -> list[int]:
        return np.concatenate(epoch_batches(LENGTHS, 200, seed, epoch)).tolist()

    assert order(1, 0) == order(1, 0)
    assert order(1, 0) != order(1, 1)
    assert order(1, 0) != order(2, 0)


def examples(config: TextConfig = SPACED) -> Examples:
    sides = Sides.learn(config, [p.source for p in PAIRS], [p.target for p in PAIRS])
    return Examples.of(encode_pairs(PAIRS, sides, config), sides, config)


@pytest.mark.parametrize("first", [0, 1, 7, 33, 70])
def test_batches_go_on_from_any_place_as_if_never_stopped(first: int) -> None:
    made = examples()
    whole, rest = made.batches(40, 5), made.batches(40, 5, first)
    for _ in range(first):
        next(whole)
    for _ in range(60):
        (epoch, batch), (other_epoch, other) = next(whole), next(rest)
        assert (epoch, batch.pairs) == (other_epoch, other.pairs)
        assert batch.source.ids.equal(other.source.ids)


def test_sampled_batches_too_and_they_differ_between_epochs() -> None:
    unigram = UnigramConfig(vocabulary=290, sampling=0.3)
    made = examples(TextConfig(source=unigram, target=unigram))
    whole, rest = made.batches(100, 5), made.batches(100, 5, 9)
    for _ in range(9):
        next(whole)
    for _ in range(10):
        assert next(whole)[1].target_out.equal(next(rest)[1].target_out)


def test_the_largest_batch_holds_the_longest_pairs() -> None:
    made = examples()
    assert int(made.largest_batch(40).source.lengths.max()) == 8


def test_over_long_pairs_are_refused_or_cut_and_counted_by_line() -> None:
    sides = Sides.learn(SPACED, [p.source for p in PAIRS], [p.target for p in PAIRS])
    short = TextConfig(source=SpacedConfig(), target=SpacedConfig(), longest_source=5, longest_target=4)
    refused = encode_pairs(PAIRS, sides, short)
    long = [p.line for p in PAIRS if len(p.source.split()) > 5 or len(p.target.split()) > 4]
    assert refused.refused == long
    assert len(refused) + len(refused.refused) == len(PAIRS)
    cut = encode_pairs(
        PAIRS,
        sides,
        TextConfig(source=SpacedConfig(), target=SpacedConfig(), longest_source=5, longest_target=4, over_long="cut"),
    )
    assert cut.cut == long
    assert len(cut) == len(PAIRS)
    assert max(map(len, cut.sources)) == 5
    assert max(map(len, cut.targets)) == 4
