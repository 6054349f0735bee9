"""What is chosen once a run, and what is said when the machine has changed since."""

import pytest

from regard.native import library
from regard.training.configs import TrainingConfig
from regard.training.precision import choose, other_kernels


def test_what_is_set_is_not_measured() -> None:
    precision = choose(TrainingConfig(precision="bfloat16", threads=3))
    assert (precision.dtype, precision.threads, precision.reason) == ("bfloat16", 3, "as set")


def test_a_measurement_says_what_it_found() -> None:
    precision = choose(TrainingConfig(threads=1))
    assert precision.dtype in ("float32", "bfloat16")
    assert "times the speed of float32" in precision.reason


def test_other_instructions_are_told(native_anew: pytest.MonkeyPatch) -> None:
    native_anew.setenv("REGARD_NATIVE", "portable")
    started = choose(TrainingConfig(precision="float32", threads=1))
    if started.instructions == "none":
        pytest.skip("the native library is not built")
    assert other_kernels(started) == []
    native_anew.setenv("REGARD_NATIVE", "off")
    library.native.cache_clear()
    (text,) = other_kernels(started)
    assert "no longer bit for bit" in text
