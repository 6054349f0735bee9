"""What every test starts from: the same seeds and one thread."""

import random
import sys

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def same_start() -> None:
    """Seed every generator; torch's only where a test has brought torch in."""
    random.seed(1)
    np.random.seed(1)
    if torch := sys.modules.get("torch"):
        torch.manual_seed(1)
        torch.set_num_threads(1)
