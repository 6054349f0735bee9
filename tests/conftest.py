"""What every test starts from: the same seeds and one thread."""

import random
import sys
from collections.abc import Iterator

import numpy as np
import pytest

from regard.native import library


@pytest.fixture(autouse=True)
def same_start() -> None:
    """Seed every generator; torch's only where a test has brought torch in."""
    random.seed(1)
    np.random.seed(1)
    if torch := sys.modules.get("torch"):
        torch.manual_seed(1)
        torch.set_num_threads(1)


@pytest.fixture
def native_anew(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Let a test choose how the native library is found; what it found is forgotten afterwards."""
    library.native.cache_clear()
    yield monkeypatch
    monkeypatch.undo()
    library.native.cache_clear()
