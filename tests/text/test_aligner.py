import math
import random

import numpy as np
import pytest

from regard.text.aligner import NULL_SHARE, UNSEEN, Aligner, TokenPair, _digamma

GERMAN = [
    ("the house", "das Haus"),
    ("the book", "das Buch"),
    ("a book", "ein Buch"),
    ("the small house", "das kleine Haus"),
]
EULER = 0.5772156649015329


def tokens(pairs: list[tuple[str, str]]) -> list[TokenPair]:
    return [(source.split(), target.split()) for source, target in pairs]


def coded(pairs: int, seed: int = 1) -> list[TokenPair]:
    """Return random sentences and their words in a code, two neighbours changing places now and then."""
    random_numbers, made = random.Random(seed), []
    for _ in range(pairs):
        source = [f"s{random_numbers.randrange(60)}" for _ in range(random_numbers.randint(4, 9))]
        target = [word.replace("s", "t") for word in source]
        if random_numbers.random() < 0.3:
            target[0], target[1] = target[1], target[0]
        made.append((source, target))
    return made


def test_words_that_occur_together_are_aligned() -> None:
    aligner = Aligner.learn(tokens(GERMAN))
    assert aligner.align(["a", "house"], ["ein", "Haus"]) == [(0, 0), (1, 1)]
    assert aligner.align(["house", "the"], ["das", "Haus"]) == [(0, 1), (1, 0)]


def test_one_word_for_one_word_is_certain() -> None:
    assert Aligner.learn([(["a"], ["x"])]).score(["a"], ["x"]) == pytest.approx(0.0)  # 0.08 · 1 + 0.92 · 1


@pytest.mark.parametrize(("n", "m"), [(1, 1), (3, 2), (2, 7), (5, 5)])
def test_positions_share_one(n: int, m: int) -> None:
    aligner = Aligner.learn([])  # every translation is as unlikely as any
    assert aligner.score(["a"] * n, ["x"] * m) == pytest.approx(math.log(UNSEEN))
    assert aligner.score([], ["x"] * m) == pytest.approx(math.log(NULL_SHARE * UNSEEN))


def test_unknown_words_go_along_the_diagonal() -> None:
    aligner = Aligner.learn(tokens(GERMAN))
    assert aligner.align(["p", "q", "r"], ["x", "y", "z"]) == [(0, 0), (1, 1), (2, 2)]


def test_a_code_is_broken() -> None:
    aligner = Aligner.learn(coded(300))
    links = right = 0
    for source, target in coded(100, seed=2):
        for i, j in aligner.align(source, target):
            links += 1
            right += source[i].replace("s", "t") == target[j]
    assert right > 0.97 * links


def test_a_translation_scores_above_another_sentence() -> None:
    aligner = Aligner.learn(coded(300))
    new = coded(50, seed=2)
    other = [(source, target) for (source, _), (_, target) in zip(new, new[1:] + new[:1], strict=True)]
    assert (aligner.scores(new) > aligner.scores(other)).all()


def test_many_at_once_and_one_by_one_agree() -> None:
    aligner, new = Aligner.learn(coded(50)), [*coded(20, seed=2), ([], ["t1"]), (["s1"], []), ([], [])]
    np.testing.assert_allclose(aligner.scores(new), [aligner.score(*pair) for pair in new])


def test_the_order_of_the_pairs_does_not_matter() -> None:
    pairs, new = coded(80), coded(20, seed=2)
    np.testing.assert_allclose(Aligner.learn(pairs).scores(new), Aligner.learn(pairs[::-1]).scores(new))


def test_nothing_to_learn_from_or_to_align() -> None:
    aligner = Aligner.learn([([], []), (["a"], []), ([], ["x"])])
    assert aligner.align([], ["x"]) == aligner.align(["a"], []) == []
    assert aligner.score(["a"], []) == 0.0
    assert aligner.scores([]).shape == (0,)


def test_digamma_at_known_points_and_its_recurrence() -> None:
    np.testing.assert_allclose(_digamma(np.array([1.0, 0.5])), [-EULER, -EULER - 2 * math.log(2)], rtol=1e-7)
    x = np.array([0.01, 0.3, 2.5, 40.0])
    np.testing.assert_allclose(_digamma(x + 1), _digamma(x) + 1 / x, rtol=1e-7)
