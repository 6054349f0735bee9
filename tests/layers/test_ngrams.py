import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from regard.errors import ConfigError
from regard.layers.configs import SourceNgramsConfig
from regard.layers.ngrams import SourceNgrams
from regard.layers.noise import Noise
from regard.text.vocabulary import EOS, PAD
from tests.tolerances import SAME_MATH

SIZE, D_MODEL = 9, 4


def all_real(ids: Tensor) -> Tensor:
    """Return the mask of texts without padding."""
    return torch.ones(len(ids), 1, 1, ids.size(1), dtype=torch.bool)


@pytest.fixture
def ngrams() -> SourceNgrams:
    """N-grams of two and three tokens by their number, those of four by hash."""
    made = SourceNgrams(SourceNgramsConfig(longest=4, rows=SIZE**3), SIZE, D_MODEL).eval()
    for table in made.tables:
        torch.nn.init.normal_(table)
    return made


def test_at_the_start_nothing_is_added() -> None:
    embedded, ids = torch.randn(2, 3, D_MODEL), torch.randint(4, SIZE, (2, 3))
    ngrams = SourceNgrams(SourceNgramsConfig(), SIZE, D_MODEL).eval()
    assert torch.equal(ngrams(embedded, ids, all_real(ids)), embedded)


def test_every_token_gets_the_vectors_of_what_surrounds_it(ngrams: SourceNgrams) -> None:
    ids, (two, three, four) = [4, 7, 5, EOS], ngrams.tables
    found = ngrams(torch.zeros(1, 4, D_MODEL), torch.tensor([ids]), all_real(torch.tensor([ids])))
    before, own, after = [PAD, *ids[:-1]], ids, [*ids[1:], PAD]
    pairs = [two[b * SIZE + o] for b, o in zip(before, own, strict=True)]
    triples = [three[(b * SIZE + o) * SIZE + a] for b, o, a in zip(before, own, after, strict=True)]
    hashed = four[ngrams.rows(torch.tensor([ids]), 4, len(four))[0]]
    wanted = (torch.stack(pairs) + torch.stack(triples) + hashed) * math.sqrt(D_MODEL)
    assert_close(found[0], wanted, **SAME_MATH)


def test_padding_changes_nothing(ngrams: SourceNgrams) -> None:
    short, long = torch.tensor([[4, 7, EOS]]), torch.tensor([[4, 7, EOS, PAD, PAD]])
    for n in (2, 3, 4):
        assert torch.equal(ngrams.rows(short, n, SIZE**3), ngrams.rows(long, n, SIZE**3)[:, :3])


def test_hashed_ngrams_spread_over_the_whole_table(ngrams: SourceNgrams) -> None:
    every = torch.cartesian_prod(*[torch.arange(4, SIZE)] * 4)
    rows = ngrams.rows(every, 4, 500)[:, 2]
    assert 0 <= int(rows.min()) <= int(rows.max()) < 500
    share = len(rows.unique()) / 500
    assert share > 0.6, "625 numbers thrown at random into 500 rows reach 71 % of them"


def test_numbers_too_large_for_64_bits_still_name_a_row() -> None:
    ngrams = SourceNgrams(SourceNgramsConfig(longest=8, rows=100), 50_000, D_MODEL)
    rows = ngrams.rows(torch.randint(0, 50_000, (64, 40)), 8, 100)
    assert 0 <= int(rows.min()) <= int(rows.max()) < 100


def test_only_what_occurs_is_learnt(ngrams: SourceNgrams) -> None:
    ids = torch.tensor([[4, 7, EOS]])
    ngrams(torch.zeros(1, 3, D_MODEL), ids, all_real(ids)).sum().backward()
    for n, table in enumerate(ngrams.tables, start=2):
        assert table.grad is not None
        changed = table.grad.abs().sum(dim=1).nonzero().flatten().tolist()
        assert changed == sorted(set(ngrams.rows(ids, n, len(table))[0].tolist()))


def test_whole_vectors_are_dropped_while_training() -> None:
    ngrams = SourceNgrams(SourceNgramsConfig(longest=2, dropout=0.25), SIZE, D_MODEL)
    torch.nn.init.ones_(ngrams.tables[0])
    with Noise(seed=1).at(step=1):
        ids = torch.randint(4, SIZE, (20, 50))
        found = ngrams(torch.zeros(20, 50, D_MODEL), ids, all_real(ids))
    assert_close(found, found[:, :, :1].expand_as(found))
    kept = found[:, :, 0] > 0
    assert_close(found[kept], torch.full_like(found[kept], 2.0 / 0.75))
    assert 0.7 < kept.float().mean() < 0.8


@pytest.mark.parametrize("wrong", [{"longest": 1}, {"longest": 9}, {"rows": 0}, {"rows": 2**31}, {"dropout": 1.0}])
def test_impossible_ngrams(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=f"{next(iter(wrong))}: .* is not"):
        SourceNgramsConfig(**wrong)
