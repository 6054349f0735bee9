"""All parameters of a model in one vector, so that an optimizer step is a few operations whatever the model.

The masters are in float32. A model that computes in bfloat16 works on a copy, which `publish` renews.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from regard.layers import kernels

_ALIGN = 64  # entries: every parameter starts on a cache line, in either precision


class Weights:
    """The parameters of a model, moved into one vector; gradients likewise.

    `matrices` are the names of the hidden matrices: two axes, and no table of embeddings, n-grams or positions.
    """

    def __init__(self, model: nn.Module, dtype: torch.dtype) -> None:
        parameters = dict(model.named_parameters())
        self.matrices = [n for n, p in parameters.items() if p.ndim == 2 and _hidden(n)]
        names = self.matrices + [n for n in parameters if n not in set(self.matrices)]
        self._places: dict[str, tuple[int, torch.Size]] = {}
        length = 0
        for name in names:
            self._places[name] = (length, parameters[name].shape)
            length += -(-parameters[name].numel() // _ALIGN) * _ALIGN
        device = next(iter(parameters.values())).device
        self.master = torch.zeros(length, device=device)
        self.working = self.master if dtype == torch.float32 else torch.zeros(length, dtype=dtype, device=device)
        self.grad = torch.zeros_like(self.working)
        model.to(dtype)
        for name, parameter in parameters.items():
            self.view(self.master, name).copy_(parameter.detach())
            parameter.data = self.view(self.working, name)
            parameter.grad = self.view(self.grad, name)
            kernels.gather(parameter)
        self.publish()

    @property
    def matrix_entries(self) -> int:
        """How many entries at the start of the vector belong to hidden matrices."""
        others = [place for name, (place, _) in self._places.items() if name not in set(self.matrices)]
        return min(others, default=len(self.master))

    def view(self, vector: Tensor, name: str) -> Tensor:
        """Return a parameter's part of a vector, in its shape."""
        first, shape = self._places[name]
        return vector[first : first + shape.numel()].view(shape)

    def named(self, vector: Tensor) -> dict[str, Tensor]:
        """Return all parts of a vector by name."""
        return {name: self.view(vector, name) for name in self._places}

    def load(self, vector: Tensor, tensors: Mapping[str, Tensor]) -> None:
        """Copy named tensors into a vector."""
        for name in self._places:
            self.view(vector, name).copy_(tensors[name])

    def publish(self, part: slice = slice(None)) -> None:
        """Let the model see the masters, or a part of them."""
        if self.working is not self.master:
            self.working[part].copy_(self.master[part])

    @contextmanager
    def showing(self, vector: Tensor) -> Iterator[None]:
        """Let the model compute with another vector for a while."""
        if vector is self.master:
            yield
            return
        kept = self.working.clone()
        self.working.copy_(vector)
        try:
            yield
        finally:
            self.working.copy_(kept)


def _hidden(name: str) -> bool:
    return not any(table in name for table in ("embeddings", "ngrams", "positions"))
