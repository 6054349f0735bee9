import pytest
import torch
import torch.nn.functional as F
from torch.distributions import Categorical, kl_divergence
from torch.testing import assert_close

from regard.data.batch import Batch
from regard.errors import ConfigError
from regard.models.base import Seq2SeqModel
from regard.text.vocabulary import PAD
from regard.training.configs import CrossEntropyConfig, RDropConfig, TrainingConfig
from regard.training.objectives import CrossEntropy, RDrop, build_objective
from tests.tolerances import SAME_MATH

BATCH = Batch.of([[5, 6, 7], [8]], [[9, 10], [11, 12, 13, 5]], pairs=[3, 4])


class Guesser(Seq2SeqModel):
    """Gives logits of its own for every row that it is asked for: no two are alike."""

    def __init__(self, rows: int) -> None:
        super().__init__()
        made = torch.Generator().manual_seed(1)
        self.logits = torch.nn.Parameter(torch.randn(rows, 5, 16, generator=made, dtype=torch.float64))

    def forward(self, batch: Batch) -> torch.Tensor:
        assert len(batch.target_out) == len(self.logits)
        return self.logits * 1.0

    def encode(self, source: object) -> None:
        raise NotImplementedError

    init_state = step = encode


def test_every_sentence_stands_beside_its_copy() -> None:
    twice = BATCH.repeated(2)
    assert twice.pairs == (3, 3, 4, 4)
    assert twice.tokens == 2 * BATCH.tokens
    for copy in (0, 1):
        assert torch.equal(twice.target_out[copy::2], BATCH.target_out)
        assert torch.equal(twice.source.ids[copy::2], BATCH.source.ids)
        assert torch.equal(twice.target_in.lengths[copy::2], BATCH.target_in.lengths)


@pytest.mark.parametrize("weight", [0.0, 5.0])
def test_r_drop_is_what_the_paper_says(weight: float) -> None:
    model = Guesser(4)
    objective = RDrop(RDropConfig(weight=weight), smoothing=0.1)
    loss = objective(model, BATCH)
    real, targets = BATCH.target_out != PAD, BATCH.target_out.flatten()
    first, second = model.logits[0::2], model.logits[1::2]

    def entropy(logits: torch.Tensor, smoothing: float) -> torch.Tensor:
        rows = logits.flatten(0, 1)
        return F.cross_entropy(rows, targets, label_smoothing=smoothing, ignore_index=PAD, reduction="sum")

    p, q = (Categorical(logits=logits[real]) for logits in (first, second))
    both_ways = (kl_divergence(p, q) + kl_divergence(q, p)).sum()
    wanted = (entropy(first, 0.1) + entropy(second, 0.1) + weight * both_ways / 2) / 2
    assert_close(loss.minimised, wanted.to(loss.minimised.dtype), rtol=1e-5, atol=1e-5)
    assert_close(loss.nats, ((entropy(first, 0) + entropy(second, 0)) / 2).to(loss.nats.dtype), rtol=1e-5, atol=1e-5)
    (gradient,) = torch.autograd.grad(loss.minimised, model.logits)
    (exact,) = torch.autograd.grad(wanted, model.logits)
    assert_close(gradient, exact, **SAME_MATH)


def test_the_config_names_the_objective() -> None:
    assert type(build_objective(TrainingConfig())) is CrossEntropy
    assert build_objective(TrainingConfig(label_smoothing=0.2)).smoothing == 0.2
    assert type(build_objective(TrainingConfig(objective=RDropConfig()))) is RDrop
    assert TrainingConfig().objective == CrossEntropyConfig()
    with pytest.raises(ConfigError, match="weight"):
        RDropConfig(weight=-1.0)
