"""Bytes stand for the weights they were made of."""

import base64
import zlib

import numpy as np
import pytest

from regard.inspection.packing import FINE, coarse, deflated, in_steps, pooled, rest


def test_bytes_by_hand() -> None:
    assert coarse(np.array([0.0, 1.0, 0.25, 1e-9, 1.0000001])).tolist() == [0, 255, 128, 0, 255]


def test_a_second_byte_gives_four_digits() -> None:
    weights = np.random.default_rng(1).dirichlet(np.full(7, 0.3), size=500)
    root = (coarse(weights) + rest(weights) / FINE) / 255
    assert np.abs(root**2 - weights).max() < 2e-5
    assert np.abs((coarse(weights) / 255.0) ** 2 - weights).max() > 1e-3


def test_what_is_deflated_comes_back() -> None:
    values = np.arange(-6, 6, dtype=np.int8).reshape(3, 4)
    assert zlib.decompress(base64.b64decode(deflated(values.T))) == values.T.tobytes()


def test_the_largest_of_each_square() -> None:
    values = np.zeros((1, 3, 5), dtype=np.uint8)
    values[0, 2, 4], values[0, 0, 1] = 9, 4
    small, side = pooled(values, 3)
    assert side == 2
    assert small[0].tolist() == [[4, 0, 0], [0, 0, 9]]


@pytest.mark.parametrize("most", [5, 8])
def test_what_is_small_stays(most: int) -> None:
    values = np.arange(15, dtype=np.uint8).reshape(1, 3, 5)
    small, side = pooled(values, most)
    assert side == 1
    assert (small == values).all()


def test_vectors_in_steps() -> None:
    vectors = np.random.default_rng(1).normal(size=(2, 5, 8)) * np.array([1, 100])[:, None, None]
    vectors[0, 0] = 0
    whole, steps = in_steps(vectors)
    back = whole * np.array(steps)[:, None, None]
    assert (np.abs(back - vectors).max(axis=(1, 2)) <= np.array(steps) * 0.51).all()
    assert in_steps(np.zeros((1, 2, 2)))[1] == [0.0]
