import pytest
import torch
from torch import Tensor

from regard.layers.cache import KeysValues, KeyValueCache, NoCache


@pytest.fixture
def keys() -> Tensor:
    """Return keys of 3 rows, 2 heads, 40 positions and 4 features: every number occurs once."""
    return torch.arange(3 * 2 * 40 * 4.0).view(3, 2, 40, 4)


def filled(keys: Tensor, cuts: list[int]) -> tuple[KeyValueCache, KeysValues]:
    """Append the first positions in pieces of the given lengths."""
    cache, first = KeyValueCache(), 0
    for length in cuts:
        new, first = keys[:, :, first : first + length], first + length
        cache = cache.advance()
        seen = cache.append(KeysValues(new, -new))
    return cache, seen


@pytest.mark.parametrize("cuts", [[1], [1] * 40, [16, 1], [15, 1, 1], [3, 30, 7]], ids=str)
def test_a_cache_gives_back_all_that_was_appended(keys: Tensor, cuts: list[int]) -> None:
    cache, seen = filled(keys, cuts)
    assert cache.length == sum(cuts)
    assert torch.equal(seen.keys, keys[:, :, : sum(cuts)])
    assert torch.equal(seen.values, -seen.keys)


@pytest.mark.parametrize("rows", [[2, 0, 1], [0, 0, 2, 2], [1], []], ids=str)
def test_select_takes_rows_and_the_run_goes_on(keys: Tensor, rows: list[int]) -> None:
    cache, _ = filled(keys, [5, 1])
    chosen, new = torch.tensor(rows, dtype=torch.long), torch.full((len(rows), 2, 1, 4), 7.0)
    selected = cache.select(chosen)
    seen = selected.advance().append(KeysValues(new, -new))
    assert torch.equal(seen.keys, torch.cat((keys[chosen, :, :6], new), dim=2))
    assert torch.equal(seen.values, -seen.keys)
    assert (cache.length, selected.length) == (6, 6)


def test_selected_rows_do_not_write_into_the_others(keys: Tensor) -> None:
    cache, seen = filled(keys, [5])
    one, other = cache.select(torch.tensor([0, 1])), cache.select(torch.tensor([0, 1]))
    first = one.append(KeysValues(keys[:2, :, 5:6], keys[:2, :, 5:6]))
    second = other.append(KeysValues(-keys[:2, :, 5:6], keys[:2, :, 5:6]))
    assert torch.equal(first.keys, keys[:2, :, :6])
    assert torch.equal(second.keys[:, :, 5:], -keys[:2, :, 5:6])
    assert torch.equal(seen.keys, keys[:, :, :5])


def test_selecting_from_an_empty_cache_keeps_it_empty(keys: Tensor) -> None:
    cache = KeyValueCache().select(torch.tensor([0, 0, 0]))
    assert cache.length == 0
    assert torch.equal(cache.append(KeysValues(keys, keys)).keys, keys)


def test_the_type_is_that_of_what_is_appended(keys: Tensor) -> None:
    _, seen = filled(keys.double(), [3, 30])
    assert seen.keys.dtype == seen.values.dtype == torch.float64


def test_no_cache_keeps_nothing(keys: Tensor) -> None:
    cache, new = NoCache(), KeysValues(keys, keys)
    assert cache.append(new) is new
    assert cache.length == 0


def test_keys_and_values_select_together(keys: Tensor) -> None:
    chosen = KeysValues(keys, -keys).select(torch.tensor([2, 2]))
    assert torch.equal(chosen.keys, keys[[2, 2]])
    assert torch.equal(chosen.values, -chosen.keys)
