import math

import pytest
import torch
from torch.testing import assert_close

from regard.errors import ConfigError
from regard.layers.configs import SeparateConfig, ThreeWayConfig, TwoWayConfig
from regard.layers.embedding import Embeddings, SeparateEmbeddings, ThreeWayEmbeddings, TwoWayEmbeddings
from tests.tolerances import SAME_MATH

WAYS = {
    "separate": (SeparateEmbeddings, SeparateConfig(), 7),
    "two-way": (TwoWayEmbeddings, TwoWayConfig(), 7),
    "three-way": (ThreeWayEmbeddings, ThreeWayConfig(), 5),
}


@pytest.fixture(params=WAYS)
def embeddings(request: pytest.FixtureRequest) -> Embeddings:
    """Return embeddings of each way, with 4 features and 5 target tokens."""
    way, config, source_size = WAYS[request.param]
    return way(config, source_size, 5, 4)


def test_rows_are_scaled_by_the_root_of_the_size(embeddings: Embeddings) -> None:
    source, target, _ = embeddings.tables()
    ids = torch.tensor([[3, 1], [4, 1]])
    assert_close(embeddings.source(ids), source[ids] * 2.0)
    assert_close(embeddings.target(ids), target[ids] * 2.0)


@torch.no_grad()
def test_logits_are_products_with_the_output_rows(embeddings: Embeddings) -> None:
    embeddings.output_bias.copy_(torch.arange(5.0))
    hidden = torch.randn(2, 3, 4)
    *_, output = embeddings.tables()
    wanted = torch.stack([hidden @ row + token for token, row in enumerate(output)], dim=-1)
    assert_close(embeddings.logits(hidden), wanted, **SAME_MATH)


def test_what_is_shared_is_one_matrix() -> None:
    tables = {name: way(config, size, 5, 4).tables() for name, (way, config, size) in WAYS.items()}
    assert [len({id(table) for table in tables[name]}) for name in WAYS] == [3, 2, 1]
    assert tables["two-way"][1] is tables["two-way"][2]


def test_a_shared_matrix_gathers_both_gradients() -> None:
    embeddings = ThreeWayEmbeddings(ThreeWayConfig(), 5, 5, 4)
    hidden = embeddings.source(torch.tensor([[3]])) + embeddings.target(torch.tensor([[2]]))
    embeddings.logits(hidden.detach())[0, 0, 1].backward()
    hidden.sum().backward()
    assert embeddings.table.grad is not None
    assert_close(embeddings.table.grad[1], hidden[0, 0].detach())
    assert embeddings.table.grad.nonzero()[:, 0].unique().tolist() == [1, 2, 3]


def test_it_starts_with_embeddings_and_logits_of_variance_one() -> None:
    embeddings = ThreeWayEmbeddings(ThreeWayConfig(), 4000, 4000, 64)
    embedded = embeddings.source(torch.arange(4000)[None])
    assert embedded.var().item() == pytest.approx(1.0, rel=4 * math.sqrt(2 / embedded.numel()))
    logits = embeddings.logits(torch.randn(1, 50, 64))
    assert logits.var().item() == pytest.approx(1.0, rel=0.15)  # four deviations of the variance of 50 · 64 numbers
    assert (embeddings.output_bias == 0).all()


def test_three_ways_need_one_vocabulary() -> None:
    with pytest.raises(ConfigError, match=r"embeddings: 'three-way' needs one vocabulary .* \(use 'two-way'"):
        ThreeWayEmbeddings(ThreeWayConfig(), 5, 6, 4)
