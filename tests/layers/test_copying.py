import math

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from regard.errors import ConfigError
from regard.layers.configs import SourceCopyingConfig, TwoWayConfig
from regard.layers.copying import SourceCopying
from regard.models.configs import ModelConfig, RecurrentConfig, TransformerConfig
from regard.text.vocabulary import EOS, PAD, UNK
from tests.tolerances import SAME_MATH

IDS = torch.tensor([[5, UNK, 5, EOS], [4, EOS, PAD, PAD]])
MASK = torch.tensor([[True] * 4, [True, True, False, False]])[:, None, None]


@pytest.fixture
def copying() -> SourceCopying:
    return SourceCopying(SourceCopyingConfig(), 4)


def naive(copying: SourceCopying, logits: Tensor, hidden: Tensor, memory: Tensor) -> Tensor:
    """Add up place by place what the source offers."""
    offered = logits.exp()
    for row, target in ((row, target) for row in range(2) for target in range(3)):
        for place in (0, 2, 3) if row == 0 else (0, 1):
            score = copying.query(hidden[row, target]) @ copying.key(memory[row, place]) / 2.0
            offered[row, target, IDS[row, place]] += score.exp()
    return offered.log()


@torch.no_grad()
def test_every_place_adds_to_the_token_that_stands_there(copying: SourceCopying) -> None:
    logits, hidden, memory = torch.randn(2, 3, 6), torch.randn(2, 3, 4), torch.randn(2, 4, 4)
    found = copying(logits, hidden, copying.keys(memory, IDS, MASK))
    assert_close(found, naive(copying, logits, hidden, memory), **SAME_MATH)
    assert torch.equal(found[:, :, [PAD, UNK]], logits[:, :, [PAD, UNK]]), "padding was copied, or what nobody knows"


def test_a_token_that_the_vocabulary_would_never_say_is_learnt_by_copying(copying: SourceCopying) -> None:
    logits = torch.full((2, 3, 6), -100.0)
    logits[:, :, 4] = 0.0
    found = copying(logits, torch.randn(2, 3, 4), copying.keys(torch.randn(2, 4, 4), IDS, MASK))
    assert (found[0, :, 5] > -10).all()
    found.log_softmax(dim=-1)[0, :, 5].sum().backward()
    assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in copying.parameters())


@torch.no_grad()
def test_scores_far_apart_stay_finite(copying: SourceCopying) -> None:
    copying.key.bias.fill_(1e4)
    copying.query.bias.fill_(1e4)
    found = copying(torch.zeros(2, 3, 6), torch.zeros(2, 3, 4), copying.keys(torch.randn(2, 4, 4), IDS, MASK))
    assert found.isfinite().all()
    assert not math.isinf(float(found.logsumexp(dim=-1).max()))


@pytest.mark.parametrize("config", [TransformerConfig, RecurrentConfig])
def test_it_needs_one_vocabulary(config: type[ModelConfig]) -> None:
    with pytest.raises(ConfigError, match=r"copying: .* needs one vocabulary .* \(use embeddings = three-way"):
        config(copying=SourceCopyingConfig(), embeddings=TwoWayConfig())
