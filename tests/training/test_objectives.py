import pytest
import torch
import torch.nn.functional as F
from torch.distributions import Categorical, kl_divergence
from torch.testing import assert_close

from regard.data.batch import Batch
from regard.errors import ConfigError
from regard.layers.noise import Noise
from regard.models.base import build_model
from regard.models.configs import TransformerConfig
from regard.text.vocabulary import PAD
from regard.training.configs import CrossEntropyConfig, RDropConfig, TrainingConfig
from regard.training.objectives import CrossEntropy, RDrop, build_objective
from tests.tolerances import SAME_MATH

BATCH = Batch.of([[5, 6, 7], [8]], [[9, 10], [11, 12, 13, 5]], pairs=[3, 4])


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
    """With the kernels in use, whose loss overwrites the logits, against plain PyTorch on the same dropout masks."""
    sizes = {"encoder_layers": 1, "decoder_layers": 1, "d_model": 16, "heads": 2, "d_ff": 32, "dropout": 0.3}
    model, noise = build_model(TransformerConfig(**sizes), 16, 16).train(), Noise(seed=1)
    weights = list(model.parameters())
    with noise.at(1):
        loss = RDrop(RDropConfig(weight=weight), smoothing=0.1)(model, BATCH)
    with noise.at(1):
        logits = model(BATCH.repeated(2))
    real, targets = BATCH.target_out != PAD, BATCH.target_out.flatten()
    first, second = logits[0::2], logits[1::2]
    assert not torch.allclose(first, second), "two masks"

    def entropy(logits: torch.Tensor, smoothing: float) -> torch.Tensor:
        rows = logits.flatten(0, 1)
        return F.cross_entropy(rows, targets, label_smoothing=smoothing, ignore_index=PAD, reduction="sum")

    p, q = (Categorical(logits=logits[real]) for logits in (first, second))
    both_ways = (kl_divergence(p, q) + kl_divergence(q, p)).sum()
    wanted = (entropy(first, 0.1) + entropy(second, 0.1) + weight * both_ways / 2) / 2
    assert_close(loss.minimised, wanted, **SAME_MATH)
    assert_close(loss.nats, (entropy(first, 0) + entropy(second, 0)) / 2, **SAME_MATH)
    exact = torch.autograd.grad(wanted, weights)
    for found, gradient in zip(torch.autograd.grad(loss.minimised, weights), exact, strict=True):
        assert_close(found, gradient, rtol=1e-4, atol=1e-5)  # sums of the whole model's, in another order


def test_the_config_names_the_objective() -> None:
    assert type(build_objective(TrainingConfig())) is CrossEntropy
    assert build_objective(TrainingConfig(label_smoothing=0.2)).smoothing == 0.2
    assert type(build_objective(TrainingConfig(objective=RDropConfig()))) is RDrop
    assert TrainingConfig().objective == CrossEntropyConfig()
    with pytest.raises(ConfigError, match="weight"):
        RDropConfig(weight=-1.0)
