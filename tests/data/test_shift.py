import random

import numpy as np
import pytest

from regard.data.shift import Shift, _viterbi, find_shift

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def sides(count: int, words: int = 80, seed: int = 1) -> tuple[list[str], list[str]]:
    """Return random sentences and the same ones in a language of its own."""
    numbers = random.Random(seed)
    lexicon = {"".join(numbers.choices(LETTERS, k=5)): "".join(numbers.choices(LETTERS, k=6)) for _ in range(words)}
    sources = [numbers.choices(list(lexicon), k=numbers.randint(3, 9)) for _ in range(count)]
    return [" ".join(source) for source in sources], [" ".join(lexicon[word] for word in source) for source in sources]


def found(sources: list[str], targets: list[str]) -> Shift:
    shift = find_shift(sources, targets)
    assert shift is not None
    return shift


@pytest.mark.parametrize("place", [0, 40, 300, 460])
@pytest.mark.parametrize("lost", ["source", "target"])
def test_a_line_lost_on_one_side_and_another_at_the_end_of_the_other(place: int, lost: str) -> None:
    sources, targets = sides(500)
    if lost == "target":
        sources, targets = sources[:-1], targets[:place] + targets[place + 1 :]
    else:
        sources, targets = sources[:place] + sources[place + 1 :], targets[:-1]
    shift = found(sources, targets)
    assert abs(shift.line - 1 - place) <= 2
    assert shift.offset == (-1 if lost == "target" else 1)
    assert abs(shift.lines - (499 - place)) <= 5


def test_a_stretch_that_comes_back() -> None:
    sources, targets = sides(600)
    shift = found(sources, [*targets[:200], *targets[201:300], targets[200], *targets[300:]])
    assert abs(shift.line - 201) <= 2
    assert abs(shift.lines - 99) <= 10


@pytest.mark.parametrize(("lost", "offset"), [(1, -1), (25, -25)])
def test_unequal_sides(lost: int, offset: int) -> None:
    sources, targets = sides(500)
    shift = found(sources, targets[:200] + targets[200 + lost :])
    assert abs(shift.line - 201) <= 2
    assert shift.offset == offset


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("count", [3, 30, 400])
def test_good_pairs_are_left_alone(count: int, seed: int) -> None:
    assert find_shift(*sides(count, seed=seed)) is None


def test_a_lost_end_is_no_shift() -> None:
    sources, targets = sides(300)
    assert find_shift(sources, targets[:-5]) is None


def test_sides_that_have_nothing_to_do_with_each_other() -> None:
    assert find_shift(sides(300, seed=1)[0], sides(300, seed=2)[1]) is None


def test_sides_that_are_always_the_same() -> None:
    assert find_shift(["a b c"] * 50, ["x y z"] * 50) is None
    assert find_shift(["a"] * 50, ["x"] * 50) is None


def test_texts_without_spaces_are_compared_by_character() -> None:
    sources, targets = ([text.replace(" ", "") for text in side] for side in sides(200, words=20))
    assert abs(found(sources[:-1], targets[:80] + targets[81:]).line - 81) <= 2


@pytest.mark.parametrize(("sources", "targets"), [([], []), (["a"], []), ([], ["a"]), ([""], [""]), (["", ""], [""])])
def test_next_to_nothing(sources: list[str], targets: list[str]) -> None:
    assert find_shift(sources, targets) is None


def test_the_best_path_is_the_best_of_all() -> None:
    """A change costs 12 nats: the four lines that gain 5 each pay for one, not for two."""
    logs = np.array([[0.0, 0.0, -5.0, -5.0, -5.0, -5.0], [-9.0, -9.0, 0.0, 0.0, 0.0, 0.0]])
    path, gain = _viterbi(logs, home=0, end=0)
    assert path.tolist() == [0, 0, 1, 1, 1, 1]
    assert gain == pytest.approx(20 - 12)
    back = np.hstack((logs, [[0.0, 0.0], [-5.0, -5.0]]))  # coming back would cost 12 and gain 10
    assert _viterbi(back, home=0, end=0)[0].tolist() == [0] * 8  # so would staying: 20 - 12 - 10
