import pytest
import torch
from torch import nn
from torch.testing import assert_close

from regard.training.configs import AdamConfig, AdamWConfig, MuonConfig, OptimizerConfig
from regard.training.optimizers import build_optimizer, clipping, orthogonal
from regard.training.weights import Weights
from tests.tolerances import SAME_MATH


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embeddings = nn.Embedding(7, 5)
        self.first, self.second = nn.Linear(5, 3), nn.Linear(3, 11)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.second(self.first(self.embeddings(ids)).tanh()).square().mean()


def trained(config: OptimizerConfig, steps: int = 5) -> dict[str, torch.Tensor]:
    torch.manual_seed(3)
    model = Small()
    weights = Weights(model, torch.float32)
    optimizer = build_optimizer(config, weights)
    for step in range(1, steps + 1):
        weights.grad.zero_()
        model(torch.tensor([1, 2, 4])).backward()
        optimizer.step(weights.grad, step, 1.0)
    return {name: tensor.clone() for name, tensor in weights.named(weights.master).items()}


def torch_trained(make: type[torch.optim.Optimizer], groups: bool, **options: float) -> dict[str, torch.Tensor]:
    torch.manual_seed(3)
    model = Small()
    decay = options.pop("weight_decay", 0.0)
    matrices = [p for p in model.parameters() if p.ndim >= 2]
    others = [p for p in model.parameters() if p.ndim < 2]
    parts = [{"params": matrices, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]
    optimizer = make(parts if groups else model.parameters(), betas=(0.9, 0.98), eps=1e-9, **options)  # type: ignore[call-arg]
    for _ in range(5):
        optimizer.zero_grad()
        model(torch.tensor([1, 2, 4])).backward()
        optimizer.step()
    return {name: p.detach() for name, p in model.named_parameters()}


def test_adam_is_torch_s_adam() -> None:
    ours, theirs = trained(AdamConfig(rate=0.01)), torch_trained(torch.optim.Adam, False, lr=0.01)
    for name, tensor in theirs.items():
        assert_close(ours[name], tensor, **SAME_MATH)


def test_adamw_is_torch_s_with_decay_on_matrices_alone() -> None:
    ours = trained(AdamWConfig(rate=0.01, decay=0.1))
    theirs = torch_trained(torch.optim.AdamW, True, lr=0.01, weight_decay=0.1)
    for name, tensor in theirs.items():
        assert_close(ours[name], tensor, **SAME_MATH)


@pytest.mark.parametrize("shape", [(2, 8, 8), (3, 4, 16), (1, 16, 4)])
def test_orthogonal_brings_singular_values_near_one_and_keeps_the_vectors(shape: tuple[int, ...]) -> None:
    matrices = torch.randn(shape)
    made = orthogonal(matrices, rounds=8)
    values = torch.linalg.svdvals(made)
    assert values.min() > 0.6
    assert values.max() < 1.3
    u, _, vh = torch.linalg.svd(matrices, full_matrices=False)
    inner = u.transpose(1, 2) @ made @ vh.transpose(1, 2)
    assert_close(inner, torch.diag_embed(inner.diagonal(dim1=1, dim2=2)), rtol=0, atol=1e-3)


def test_muon_moves_hidden_matrices_by_its_own_rate_and_the_rest_like_adam() -> None:
    before, adam = trained(MuonConfig(rate=0.01), steps=0), trained(AdamConfig(rate=0.01), steps=1)
    after = trained(MuonConfig(rate=0.01, matrix_rate=0.5), steps=1)
    for name in ("embeddings.weight", "first.bias", "second.bias"):
        assert_close(after[name], adam[name], **SAME_MATH)
    step = (after["first.weight"] - before["first.weight"]) / 0.5
    assert torch.linalg.svdvals(step).max() < 1.3


def test_more_rounds_bring_the_singular_values_nearer_to_one() -> None:
    matrices = torch.randn(4, 16, 16)
    spreads = [torch.linalg.svdvals(orthogonal(matrices, rounds)).std() for rounds in (1, 3, 5)]
    assert spreads[0] > spreads[1] > spreads[2]


def test_the_update_takes_the_config_s_rounds() -> None:
    three, five = trained(MuonConfig(rounds=3), steps=1), trained(MuonConfig(rounds=5), steps=1)
    assert not torch.equal(three["first.weight"], five["first.weight"])
    assert torch.equal(three["embeddings.weight"], five["embeddings.weight"])


def test_clipping_shortens_long_gradients_and_leaves_short_ones() -> None:
    assert clipping(5.0, 10.0) == 1.0
    assert clipping(5.0, 1.0) == pytest.approx(0.2)
    assert clipping(5.0, 0.0) == 1.0
    assert clipping(float("inf"), 1.0) == 1.0
