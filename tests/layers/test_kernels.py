import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.testing import assert_close

from regard.layers import kernels
from regard.layers.attention import AttentionObserver, attend
from regard.layers.kernels import cross_entropy, embedding
from regard.layers.noise import Noise, mix
from tests.tolerances import LOW_PRECISION, SAME_MATH

every_type = pytest.mark.parametrize(
    ("dtype", "tolerance"),
    [(torch.float32, SAME_MATH), (torch.float64, SAME_MATH), (torch.bfloat16, LOW_PRECISION)],
    ids=["float32", "float64", "bfloat16"],
)
LN2, LN3 = math.log(2.0), math.log(3.0)


def test_mix_is_splitmix64() -> None:
    assert mix(0) == 0xE220A8397B1DCDAF  # the first numbers of the published generator, from two seeds
    assert mix(1234567) == 6457827717110365317
    assert mix(1, 2) != mix(2, 1)


def masks(noise: Noise, step: int, sizes: list[int], p: float = 0.3) -> list[Tensor]:
    with noise.at(step):
        return [noise.mask(torch.empty(size), p) for size in sizes]


@pytest.mark.parametrize("p", [0.1, 0.3, 0.9])
def test_a_mask_drops_its_share_and_keeps_the_mean(p: float) -> None:
    (mask,) = masks(Noise(5), 1, [1_000_000], p)
    dropped = (mask == 0).double().mean().item()
    assert dropped == pytest.approx(p, abs=4 * math.sqrt(p * (1 - p) / 1_000_000))
    assert_close(mask[mask != 0].unique(), torch.tensor([1 / (1 - p)]))
    assert mask.double().mean().item() == pytest.approx(1.0, abs=4 * math.sqrt(p / (1 - p) / 1_000_000))


def test_a_mask_depends_on_seed_step_and_call_alone() -> None:
    used, sizes = Noise(7), [50, 50, 3]
    masks(used, 1, [10, 20])
    masks(used, 8, [6_000_000])  # larger than the pool, which grows
    masks(used, 8, [5], p=0.5)
    late = masks(used, 3, sizes)
    for a, b in zip(masks(Noise(7), 3, sizes), late, strict=True):
        assert torch.equal(a, b)
    other_size = masks(Noise(7), 3, [4, 50])[1]
    assert torch.equal(other_size, late[1])


def test_a_pool_that_grew_at_once_is_one_that_grew_in_steps() -> None:
    steps, sizes = Noise(7), [5_500_000, 7_500_000]
    masks(steps, 1, sizes[:1])
    assert torch.equal(masks(steps, 2, sizes)[1], masks(Noise(7), 2, sizes)[1])


def test_seeds_steps_parts_and_calls_have_different_masks() -> None:
    noise, size = Noise(1), [200]
    first, second = masks(noise, 1, size * 2)
    with noise.at(1, part=1):
        part = noise.mask(first, 0.3)
    others = [second, part, *masks(noise, 2, size), *masks(Noise(2), 1, size)]
    assert not any(torch.equal(first, other) for other in others)


def test_a_mask_follows_shape_and_type() -> None:
    noise = Noise(1)
    with noise.at(1):
        mask = noise.mask(torch.empty(2, 3, 4, dtype=torch.bfloat16), 0.5)
    assert (mask.shape, mask.dtype) == ((2, 3, 4), torch.bfloat16)
    assert set(mask.unique().tolist()) == {0.0, 2.0}


def test_dropout_needs_an_open_step_unless_it_is_off() -> None:
    x = torch.randn(3)
    assert kernels.dropout(x, 0.0) is x
    with pytest.raises(KeyboardInterrupt), Noise(1).at(1):
        raise KeyboardInterrupt  # which closes the step too
    with pytest.raises(RuntimeError, match=r"with Noise\(seed\).at\(step\)"):
        kernels.dropout(x, 0.1)


def test_every_dropout_applies_the_mask_of_its_call() -> None:
    x, y, one, noise = torch.randn(4, 50), torch.randn(4, 50), torch.ones(50), Noise(3)
    with noise.at(1):
        masks_ = [noise.mask(x, 0.4) for _ in range(5)]
    with noise.at(1):
        assert_close(kernels.dropout(x, 0.4), x * masks_[0])
        total, normed = kernels.add_norm(x, y, one, None, 1e-5, 0.4)
        assert_close(total, x + y * masks_[1])
        assert_close(normed, F.rms_norm(total, (50,), one, 1e-5))
        assert_close(kernels.relu_dropout(x, 0.4), F.relu(x) * masks_[2])
        assert_close(kernels.gelu_dropout(x, 0.4), F.gelu(x) * masks_[3])
        assert_close(kernels.swiglu_dropout(x, y, 0.4), F.silu(x) * y * masks_[4])
    assert_close(kernels.add_norm(x, y, one, one, 1e-5, 0.0)[0], x + y)


def test_norms_by_hand() -> None:
    x, one = torch.tensor([[1.0, 3.0], [7.0, 7.0]]), torch.ones(2)
    assert_close(kernels.layer_norm(x, one, 0 * one, 1e-12), torch.tensor([[-1.0, 1.0], [0.0, 0.0]]))
    assert_close(kernels.layer_norm(x, 2 * one, one, 1e-12), torch.tensor([[-1.0, 3.0], [1.0, 1.0]]))
    root = math.sqrt(5.0)  # the mean of 1 and 9
    assert_close(kernels.rms_norm(x, 2 * one, 1e-12), torch.tensor([[2 / root, 6 / root], [2.0, 2.0]]))


def test_causality_counts_from_the_last_key() -> None:
    inf, scores = math.inf, torch.zeros(1, 1, 2, 3)
    assert kernels.forbid(scores, None, causal=True)[0, 0].tolist() == [[0.0, 0.0, -inf], [0.0, 0.0, 0.0]]
    mask = torch.tensor([False, True, True]).view(1, 1, 1, 3)
    assert kernels.forbid(scores, mask, causal=True)[0, 0].tolist() == [[-inf, 0.0, -inf], [-inf, 0.0, 0.0]]
    assert kernels.forbid(scores, None, causal=False) is scores


LENGTHS = {"square": (5, 5), "one query": (1, 6), "some queries": (3, 7), "long": (4, 150)}


@pytest.mark.parametrize("lengths", LENGTHS.values(), ids=LENGTHS)
@every_type
@pytest.mark.parametrize("masked", [False, True], ids=["unmasked", "masked"])
@pytest.mark.parametrize("biased", [False, True], ids=["unbiased", "biased"])
@pytest.mark.parametrize("causal", [False, True], ids=["free", "causal"])
def test_the_fast_and_the_open_road_agree(
    lengths: tuple[int, int],
    dtype: torch.dtype,
    tolerance: dict[str, float],
    masked: bool,
    biased: bool,
    causal: bool,
) -> None:
    queries, keys = lengths
    q, k, v = (torch.randn(3, 2, n, 4, dtype=dtype, requires_grad=True) for n in (queries, keys, keys))
    mask = torch.arange(keys) < torch.tensor([keys, keys - 1, 2]).view(3, 1, 1, 1) if masked else None
    bias = torch.randn(1, 2, queries, keys, dtype=dtype, requires_grad=True) if biased else None
    inputs = [x for x in (q, k, v, bias) if x is not None]
    fast = kernels.attention(q, k, v, mask, bias, causal=causal)
    slow = attend(q, k, v, mask, bias, causal=causal, observer=AttentionObserver())
    assert_close(fast, slow, **tolerance)
    upstream = torch.randn_like(fast)
    for a, b in zip(*(torch.autograd.grad(x, inputs, upstream) for x in (fast, slow)), strict=True):
        assert_close(a, b, **tolerance)


def test_both_roads_drop_the_same_weights() -> None:
    q, k, v = (torch.randn(2, 2, 5, 4) for _ in range(3))
    noise = Noise(1)
    with noise.at(1):
        fast = kernels.attention(q, k, v, p=0.5)
    with noise.at(1):
        slow = attend(q, k, v, dropout=0.5, observer=AttentionObserver())
    assert_close(fast, slow, **SAME_MATH)
    assert not torch.allclose(fast, attend(q, k, v))


@every_type
def test_embedding_and_its_gradient_are_those_of_torch(dtype: torch.dtype, tolerance: dict[str, float]) -> None:
    weight, ids = torch.randn(6, 3, dtype=dtype, requires_grad=True), torch.tensor([[1, 4, 1], [0, 1, 5]])
    ours, theirs = embedding(weight, ids), F.embedding(ids, weight)
    assert torch.equal(ours, theirs)
    upstream = torch.randn_like(ours)
    gradients = [torch.autograd.grad(out, weight, upstream)[0] for out in (ours, theirs)]
    assert_close(*gradients, **tolerance)
    assert torch.equal(gradients[0][2:4], torch.zeros(2, 3, dtype=dtype))


def test_the_gradient_of_a_frequent_token_does_not_stop_growing_in_bfloat16() -> None:
    weight = torch.zeros(2, 1, dtype=torch.bfloat16, requires_grad=True)
    embedding(weight, torch.ones(1000, dtype=torch.long)).sum().backward()
    assert weight.grad is not None
    assert weight.grad.flatten().tolist() == [0.0, 1000.0]  # 256 + 1 is 256 in bfloat16


def test_cross_entropy_by_hand() -> None:
    logits = torch.tensor([[0.0, LN3], [0.0, LN3], [5.0, 0.0]])  # the first two: probabilities 1/4 and 3/4
    likely, unlikely = 2 * LN2 - LN3, 2 * LN2
    loss, nats = cross_entropy(logits, torch.tensor([1, 1, 0]), ignore=0)
    assert_close(loss, torch.tensor(2 * likely))
    assert_close(nats, loss)
    loss, nats = cross_entropy(logits, torch.tensor([1, 1, 0]), smoothing=0.2, ignore=0)
    assert_close(loss, torch.tensor(2 * (0.9 * likely + 0.1 * unlikely)))
    assert_close(nats, torch.tensor(2 * likely))
    assert cross_entropy(logits, torch.tensor([0, 0, 0]), ignore=0)[0] == 0


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@every_type
def test_cross_entropy_and_its_gradient_are_those_of_torch(
    smoothing: float, dtype: torch.dtype, tolerance: dict[str, float]
) -> None:
    targets = torch.tensor([3, 0, 6, 0, 1, 3])
    logits = (4 * torch.randn(6, 7)).to(dtype).requires_grad_()
    exact = logits.detach().double().requires_grad_()
    loss, nats = cross_entropy(logits, targets, smoothing=smoothing, ignore=0)
    wanted = F.cross_entropy(exact, targets, label_smoothing=smoothing, ignore_index=0, reduction="sum")
    plain = F.cross_entropy(exact.detach(), targets, ignore_index=0, reduction="sum")
    assert_close(loss.double(), wanted, **tolerance)
    assert_close(nats.double(), plain, **tolerance)
    assert not nats.requires_grad
    (loss / 3).backward()
    (wanted / 3).backward()
    assert logits.grad is not None
    assert exact.grad is not None
    assert logits.grad.dtype == dtype
    assert_close(logits.grad.double(), exact.grad, **tolerance)
    assert (logits.grad[targets == 0] == 0).all()


def test_cross_entropy_of_far_logits_is_finite() -> None:
    logits = torch.tensor([[1000.0, -1000.0]], requires_grad=True)
    loss, _ = cross_entropy(logits, torch.tensor([1]), ignore=9)
    loss.backward()
    assert loss == 2000.0
    assert logits.grad is not None
    assert logits.grad.tolist() == [[1.0, -1.0]]


def test_the_gradient_of_cross_entropy_can_be_asked_for_once_only() -> None:
    logits = torch.randn(2, 3, requires_grad=True)
    loss, _ = cross_entropy(logits, torch.tensor([1, 2]), ignore=0)
    loss.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="inplace"):
        loss.backward()
