import torch
from torch.testing import assert_close

from regard.training.weights import Weights
from tests.tiny import MODERN, tiny_batch, tiny_model


def test_the_model_computes_the_same_from_the_one_vector() -> None:
    model = tiny_model(MODERN)
    before = model(tiny_batch())
    Weights(model, torch.float32)
    assert torch.equal(model(tiny_batch()), before)


def test_gradients_gather_in_one_vector() -> None:
    model = tiny_model(MODERN)
    weights = Weights(model, torch.float32)
    model(tiny_batch()).square().mean().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None
        assert_close(weights.view(weights.grad, name), parameter.grad)
    assert weights.grad.norm() > 0


def test_hidden_matrices_come_first() -> None:
    weights = Weights(tiny_model(MODERN), torch.float32)
    assert "encoder.layers.0.self_attention.query.weight" in weights.matrices
    assert not any("embeddings" in name for name in weights.matrices)
    ends = [weights.view(weights.master, name).storage_offset() for name in weights.matrices]
    assert max(ends) < weights.matrix_entries <= len(weights.master)


def test_showing_another_vector_is_undone() -> None:
    model = tiny_model(MODERN)
    weights = Weights(model, torch.float32)
    before = model(tiny_batch())
    with weights.showing(torch.zeros_like(weights.master)):
        assert model(tiny_batch()).abs().max() == 0
    assert torch.equal(model(tiny_batch()), before)


def test_bfloat16_works_on_a_copy_of_float32_masters() -> None:
    weights = Weights(tiny_model(MODERN), torch.bfloat16)
    weights.master.add_(1e-6)
    assert weights.master.dtype == torch.float32
    weights.publish()
    assert torch.equal(weights.working, weights.master.bfloat16())


def test_loading_names_gives_back_what_was_saved() -> None:
    weights = Weights(tiny_model(MODERN), torch.float32)
    saved = {name: tensor.clone() for name, tensor in weights.named(weights.master).items()}
    weights.master.zero_()
    weights.load(weights.master, saved)
    assert all(torch.equal(weights.view(weights.master, name), tensor) for name, tensor in saved.items())
