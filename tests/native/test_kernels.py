"""Each kernel on each instruction set against plain torch in float64: results and gradients, odd sizes, any threads."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from regard.layers import kernels, native_kernels, native_products
from regard.layers.configs import RotaryConfig
from regard.layers.kernels import Means
from regard.layers.noise import Noise
from regard.layers.positions import RotaryPositions
from tests.tolerances import LOW_PRECISION

Call = Callable[..., Tensor]

EXACT = {"rtol": 1e-4, "atol": 2e-5}
"""float32 against float64: sums of some hundred numbers near 1."""

every_type = pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float32, EXACT), (torch.bfloat16, LOW_PRECISION)], ids=["float32", "bfloat16"]
)
every_shape = pytest.mark.parametrize("shape", [(1, 1), (3, 7, 513), (150, 64), (2, 5, 33)], ids=str)

pytestmark = pytest.mark.usefixtures("instructions")


def results(call: Call, tensors: list[Tensor], dtype: torch.dtype) -> list[Tensor]:
    """Return what comes out, and the gradient of every input, under a gradient drawn from a seed."""
    inputs = [tensor.detach().to(dtype, copy=True).requires_grad_() for tensor in tensors]
    with Noise(seed=3).at(step=5):
        out = call(*inputs)
    gradient = torch.randn(out.shape, generator=torch.Generator().manual_seed(7)).to(torch.bfloat16).to(dtype)
    out.backward(gradient)
    return [out.detach(), *(tensor.grad for tensor in inputs if tensor.grad is not None)]


def compare(call: Call, *tensors: Tensor, dtype: torch.dtype, tolerance: dict[str, float]) -> None:
    """Run the kernel and the plain body on numbers that both types can hold; the former must have been used."""
    tensors_ = [tensor.to(torch.bfloat16) for tensor in tensors]
    assert native_kernels.fits(tensors_[0].to(dtype))
    assert not native_kernels.fits(tensors_[0].double())
    for found, wanted in zip(results(call, tensors_, dtype), results(call, tensors_, torch.float64), strict=True):
        assert found.dtype == dtype
        # what is left of a sum when most of it cancels is as exact as the sum was
        size = max(1.0, float(wanted.abs().max()))
        assert_close(found.double(), wanted, rtol=tolerance["rtol"], atol=tolerance["atol"] * size)


DROPPING: dict[str, Call] = {
    "dropout": kernels.dropout,
    "relu": kernels.relu_dropout,
    "gelu": kernels.gelu_dropout,
}


@every_type
@every_shape
@pytest.mark.parametrize("p", [0.0, 0.3])
@pytest.mark.parametrize("name", DROPPING)
def test_dropout_and_activations(
    name: str, p: float, shape: tuple[int, ...], dtype: torch.dtype, tolerance: dict[str, float]
) -> None:
    compare(partial(DROPPING[name], p=p), 2 * torch.randn(shape), dtype=dtype, tolerance=tolerance)


@every_type
@every_shape
@pytest.mark.parametrize("p", [0.0, 0.3])
def test_swiglu(p: float, shape: tuple[int, ...], dtype: torch.dtype, tolerance: dict[str, float]) -> None:
    pair = 2 * torch.randn(shape), torch.randn(shape)
    compare(partial(kernels.swiglu_dropout, p=p), *pair, dtype=dtype, tolerance=tolerance)


@every_type
@every_shape
def test_norms(shape: tuple[int, ...], dtype: torch.dtype, tolerance: dict[str, float]) -> None:
    x, weight, bias = 1.0 + 2 * torch.randn(shape), torch.randn(shape[-1]), torch.randn(shape[-1])
    compare(partial(kernels.rms_norm, epsilon=1e-5), x, weight, dtype=dtype, tolerance=tolerance)
    compare(partial(kernels.layer_norm, epsilon=1e-5), x, weight, bias, dtype=dtype, tolerance=tolerance)


@every_type
@every_shape
@pytest.mark.parametrize("p", [0.0, 0.3])
@pytest.mark.parametrize("uses", ["sum and norm", "norm alone"])
def test_sums_and_their_norms(
    uses: str, p: float, shape: tuple[int, ...], dtype: torch.dtype, tolerance: dict[str, float]
) -> None:
    def call(x: Tensor, branch: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        total, normed = kernels.add_norm(x, branch, weight, bias, 1e-5, p)
        return torch.cat([part for part, name in ((total, "sum"), (normed, "norm")) if name in uses])

    # numbers whose sums bfloat16 can hold: what is normalised is the sum as it was rounded
    x, branch = (torch.randint(-8, 9, shape) / 2 for _ in range(2))
    branch = branch if p == 0.0 else branch * (1 - p)
    tensors = x, branch, torch.randn(shape[-1])
    compare(call, *tensors, dtype=dtype, tolerance=tolerance)
    compare(call, *tensors, torch.randn(shape[-1]), dtype=dtype, tolerance=tolerance)


def test_a_sum_without_its_norm() -> None:
    x, branch = torch.randn(2, 3, 8).requires_grad_(), torch.randn(2, 3, 8).requires_grad_()
    kernels.add_norm(x, branch, torch.ones(8), None, 1e-5, 0.0)[0].sum().backward()
    assert x.grad is not None
    assert branch.grad is not None
    assert (x.grad == 1).all()
    assert (branch.grad == 1).all()


SIZES = {
    "square": (3, 4, 33, 33, 32),
    "wide": (2, 2, 7, 19, 40),
    "one": (1, 1, 1, 1, 8),
    "odd": (2, 3, 5, 128, 5),
    "broad": (3, 2, 33, 33, 128),
    "long": (2, 2, 100, 128, 48),
}


@every_type
@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("p", [0.0, 0.3])
@pytest.mark.parametrize("causal", [False, True], ids=["free", "causal"])
def test_attention(
    causal: bool, p: float, sizes: tuple[int, int, int, int, int], dtype: torch.dtype, tolerance: dict[str, float]
) -> None:
    sentences, heads, queries, keys, features = sizes
    mask = torch.arange(keys) < torch.randint(keys // 2 + 1, keys + 1, (sentences, 1))
    masks = [None] if causal else [None, mask[:, None, None], mask[:1, None, None]]
    q, k, v = (torch.randn(sentences, length, heads, features) for length in (queries, keys, keys))
    for each in masks:

        def call(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = each) -> Tensor:
            heads_first = (x.transpose(1, 2) for x in (q, k, v))
            return kernels.attention(*heads_first, mask, causal=causal, p=p)

        compare(call, q, k, v, dtype=dtype, tolerance=tolerance)


@every_type
@pytest.mark.parametrize("features", [2, 6, 32, 40])
def test_rotation(features: int, dtype: torch.dtype, tolerance: dict[str, float]) -> None:
    positions = RotaryPositions(RotaryConfig(), 3 * features, 3, causal=True)
    x = torch.randn(2, 11, 3, features)
    compare(lambda x: positions.rotate(x.transpose(1, 2), first=5), x, dtype=dtype, tolerance=tolerance)


@every_type
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize(("rows", "entries"), [(1, 2), (11, 513), (40, 33)])
def test_cross_entropy(
    rows: int, entries: int, smoothing: float, dtype: torch.dtype, tolerance: dict[str, float]
) -> None:
    targets = torch.randint(0, entries, (rows,))
    targets[rows // 2 :: 3] = 1

    def call(logits: Tensor) -> Tensor:
        loss, nats = kernels.cross_entropy(logits * 3.0, targets, smoothing=smoothing, ignore=1)
        assert nats.dtype == loss.dtype
        return loss.to(logits.dtype)

    compare(call, torch.randn(rows, entries), dtype=dtype, tolerance=tolerance)


@every_type
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("sizes", [(1, 2, 32), (40, 513, 64), (300, 33, 256), (130, 9000, 96), (7, 20, 40)], ids=str)
def test_projected_cross_entropy(
    sizes: tuple[int, int, int], smoothing: float, dtype: torch.dtype, tolerance: dict[str, float], instructions: str
) -> None:
    rows, entries, columns = sizes
    targets = torch.randint(0, entries, (rows,))
    targets[rows // 2 :: 3] = 1

    def call(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        loss, nats = kernels.projected_cross_entropy(x, weight, bias, targets, smoothing=smoothing, ignore=1)
        assert nats.dtype == loss.dtype
        return (loss / rows).to(x.dtype)

    x, weight, bias = torch.randn(rows, columns), 3 * torch.randn(entries, columns) / columns**0.5, torch.randn(entries)
    compare(call, x, weight, bias, dtype=dtype, tolerance=tolerance)
    compare(call, x, weight, dtype=dtype, tolerance=tolerance)
    own = native_products.has_projected_loss(x.to(dtype), weight.to(dtype))
    assert own == (dtype == torch.bfloat16 and instructions == "amx" and columns != 40)


@every_type
@pytest.mark.parametrize("columns", [1, 72, 513])
def test_embedding(columns: int, dtype: torch.dtype, tolerance: dict[str, float]) -> None:
    ids = torch.randint(0, 50, (9, 30))
    compare(lambda table: kernels.embedding(table, ids), torch.randn(50, columns), dtype=dtype, tolerance=tolerance)


@every_type
@pytest.mark.parametrize(
    "sizes",
    [(1, 1, 1), (3, 17, 33), (513, 40, 96), (700, 48, 16), (5000, 7, 130), (70, 6000, 120), (517, 96, 160)],
    ids=str,
)
def test_linear(
    sizes: tuple[int, int, int], dtype: torch.dtype, tolerance: dict[str, float], instructions: str
) -> None:
    tokens, rows, columns = sizes
    x, weight, bias = torch.randn(tokens, columns), torch.randn(rows, columns) / columns**0.5, torch.randn(rows)
    compare(kernels.linear, x, weight, bias, dtype=dtype, tolerance=tolerance)
    compare(partial(kernels.linear, bias=None), x[None], weight, dtype=dtype, tolerance=tolerance)
    own = native_products.has_linear(x.to(dtype), weight.to(dtype))
    assert own == (dtype == torch.bfloat16 and instructions == "amx")


@every_type
@pytest.mark.parametrize("sizes", [(700, 32, 64, 96), (33, 64, 32, 32), (90, 20, 48, 7)], ids=str)
def test_projections(sizes: tuple[int, int, int, int], dtype: torch.dtype, tolerance: dict[str, float]) -> None:
    tokens, columns, *rows = sizes
    maps = [torch.nn.Linear(columns, rows[0]), torch.nn.Linear(columns, rows[1], bias=False)]

    def call(x: Tensor, first: Tensor, bias: Tensor, second: Tensor) -> Tensor:
        for each, weight in zip(maps, (first, second), strict=True):
            del each.weight
            each.weight = weight  # type: ignore[assignment]
        del maps[0].bias
        maps[0].bias = bias  # type: ignore[assignment]
        return torch.cat(kernels.projections(x, *maps), dim=-1)

    tensors = torch.randn(tokens, columns), torch.randn(rows[0], columns), torch.randn(rows[0])
    compare(call, *tensors, torch.randn(rows[1], columns), dtype=dtype, tolerance=tolerance)


@every_type
def test_gradients_are_gathered_in_place(dtype: torch.dtype, tolerance: dict[str, float]) -> None:
    ids, weight = torch.randint(0, 50, (9, 30)), torch.randn(50, 24).to(dtype)

    def twice(weight: Tensor) -> Tensor:
        return kernels.linear(kernels.embedding(weight, ids), weight, None).float().pow(2).sum()

    plain, gathered = weight.clone().requires_grad_(), torch.nn.Parameter(weight.clone())
    twice(plain).backward()
    gathered.grad = place = torch.zeros_like(weight)
    kernels.gather(gathered)
    for times in (1, 2):
        twice(gathered).backward()
        assert gathered.grad is place
        assert plain.grad is not None
        size = float(plain.grad.abs().max())
        assert_close(place.float(), times * plain.grad.float(), rtol=tolerance["rtol"], atol=tolerance["atol"] * size)


@every_type
@pytest.mark.parametrize("count", [1, 15, 40_000])
def test_adam(count: int, dtype: torch.dtype, tolerance: dict[str, float]) -> None:
    start = [torch.randn(count), torch.randn(count), torch.rand(count)]
    gradient = torch.randn(count).to(dtype)

    def stepped(exact: torch.dtype) -> list[Tensor]:
        weights, mean, square = (tensor.to(exact, copy=True) for tensor in start)
        small = exact == torch.float32
        working = weights if dtype == torch.float32 or not small else torch.empty_like(gradient)
        means = Means(mean, square, 0.9, 0.98)
        settings = {"scale": 0.7, "rate": 0.01, "unbias": 1.3, "epsilon": 1e-9}
        kernels.adam(weights, working, gradient if small else gradient.double(), means, **settings)
        assert torch.equal(working, weights.to(working.dtype))
        return [weights, mean, square]

    for found, wanted in zip(stepped(torch.float32), stepped(torch.float64), strict=True):
        assert_close(found.double(), wanted, **EXACT)


@every_type
@pytest.mark.parametrize("count", [1, 513, 70_000])
def test_norm(count: int, dtype: torch.dtype, tolerance: dict[str, float]) -> None:
    x = torch.randn(count).to(dtype)
    assert kernels.norm(x) == pytest.approx(float(x.double().norm()), rel=1e-5)


@every_type
def test_any_number_of_threads_gives_the_same_bits(dtype: torch.dtype, tolerance: dict[str, float]) -> None:
    x, y, weight = torch.randn(40, 30, 96), torch.randn(40, 30, 96), torch.randn(96)
    targets, ids = torch.randint(0, 96, (1200,)), torch.randint(0, 30, (40, 30))

    def everything(x: Tensor, y: Tensor, weight: Tensor) -> Tensor:
        z = kernels.swiglu_dropout(x, kernels.layer_norm(y, weight, weight, 1e-5), 0.1)
        z = sum(kernels.add_norm(x, z, weight, weight, 1e-5, 0.1))
        q = z.unflatten(-1, (4, 24)).transpose(1, 2)
        z = kernels.attention(q, q, q, causal=True, p=0.1).transpose(1, 2).flatten(2)
        z = kernels.gelu_dropout(kernels.rms_norm(z, weight, 1e-5), 0.1) + kernels.embedding(y[0], ids)
        return kernels.cross_entropy(z.flatten(0, 1).contiguous(), targets, smoothing=0.1, ignore=1)[0]

    found = []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        found.append(results(everything, [x, y, weight], dtype))
    for others in found[1:]:
        for one, other in zip(found[0], others, strict=True):
            assert torch.equal(one, other)


def test_any_number_of_threads_gives_the_same_gradient_of_a_matrix() -> None:
    x, weight, grad = (torch.randn(shape).bfloat16() for shape in ((900, 40), (70, 40), (900, 70)))
    if not native_products.has_linear(x, weight):
        pytest.skip("these instructions leave it to torch")
    weight.requires_grad_()
    found = []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        found += torch.autograd.grad(kernels.linear(x, weight, None), weight, grad)
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])


def test_any_number_of_threads_gives_the_same_projected_loss() -> None:
    x, weight, bias = (torch.randn(shape).bfloat16().requires_grad_() for shape in ((900, 96), (3000, 96), (3000,)))
    targets = torch.randint(0, 3000, (900,))
    if not native_products.has_projected_loss(x, weight):
        pytest.skip("these instructions have no such kernel")
    found = []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        loss, _ = kernels.projected_cross_entropy(x, weight, bias, targets, smoothing=0.1, ignore=1)
        found.append((loss.detach(), *torch.autograd.grad(loss, (x, weight, bias))))
    for others in found[1:]:
        for one, other in zip(found[0], others, strict=True):
            assert torch.equal(one, other)


def test_a_number_that_is_none_stays_none() -> None:
    x = torch.tensor([[1.0, float("nan"), 2.0, float("inf")]])
    for call in (kernels.relu_dropout, kernels.gelu_dropout):
        assert call(x, 0.0).isnan()[0, 1]
    assert kernels.rms_norm(x, torch.ones(4), 1e-5).isnan().any()
    loss, _ = kernels.cross_entropy(x, torch.tensor([0]), ignore=9)
    assert not loss.isfinite()
    wide = torch.ones(1, 32, dtype=torch.bfloat16)
    for place in (0, 200):
        weight = torch.ones(300, 32, dtype=torch.bfloat16)
        weight[place, 0] = float("nan")
        loss, _ = kernels.projected_cross_entropy(wide, weight, None, torch.tensor([5]), ignore=9)
        assert not loss.isfinite()


def test_a_logit_far_above_those_before_it() -> None:
    weight = torch.ones(300, 32, dtype=torch.bfloat16)
    weight[250] = 20.0
    x = torch.ones(1, 32, dtype=torch.bfloat16)
    loss, _ = kernels.projected_cross_entropy(x, weight, None, torch.tensor([0]), ignore=9)
    assert_close(loss, torch.tensor(20.0 * 32 - 32), rtol=1e-4, atol=0.0, check_dtype=False)
