import pytest
import torch

from regard.decoding.philox import philox, uniforms

ONES = 0xFFFFFFFF


@pytest.mark.parametrize(
    ("counter", "key", "words"),
    [  # known answers that come with Random123, the authors' own code
        ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((ONES, ONES, ONES, ONES), (ONES, ONES), (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_known_answers(counter: tuple[int, ...], key: tuple[int, int], words: tuple[int, ...]) -> None:
    assert philox(torch.tensor([counter]), key).tolist() == [list(words)]


def test_a_number_depends_on_its_row_alone() -> None:
    names = torch.tensor([[7, 0], [7, 1], [8, 0], [-1, 0], [1 << 40, 0]])
    numbers = uniforms(3, names, 10)
    assert torch.equal(uniforms(3, names.flip(0), 7).flip(0), numbers[:, :7])
    assert len(set(numbers.flatten().tolist())) == 50
    assert not torch.equal(uniforms(4, names, 10), numbers)
    assert not torch.equal(uniforms(3 + (1 << 32), names, 10), numbers)


def test_the_numbers_are_spread_evenly_from_0_to_below_1() -> None:
    numbers = uniforms(1, torch.stack((torch.arange(1000), torch.zeros(1000).long()), dim=1), 40).flatten()
    assert 0 <= numbers.min() < 0.001 < 0.999 < numbers.max() < 1
    counts = torch.histc(numbers, bins=20, min=0, max=1)
    assert ((counts - 2000).abs() < 5 * 2000**0.5).all()  # five standard deviations
