import random
from typing import Any

import pytest

from regard.experiment import read_preset, resolve
from regard.training.recipe import Allowance, Looks, recipe

WORDS = [f"word{i}" for i in range(3000)]


def texts(count: int, low: int, high: int) -> list[str]:
    source = random.Random(1)
    return [" ".join(source.choices(WORDS, k=source.randint(low, high))) for _ in range(count)]


def made(sources: list[str], targets: list[str]) -> tuple[str, dict[str, dict[str, object]], list[str]]:
    found = recipe(sources, targets)
    resolve({"task": {"kind": "files", "train": "x"}}, read_preset(found.base), found.values)
    return found.base, found.values, [reason.text for reason in found.reasons]


def test_single_words_and_symbols_are_read_by_letter() -> None:
    letters = ["".join(random.choices("abcdefgh", k=7)) for _ in range(500)]
    base, values, reasons = made(letters, [" ".join(word.upper()) for word in letters])
    assert base == "g2p"
    assert values["training"]["steps"] == 2000
    assert "read letters, write symbols" in reasons[0]


def test_long_sources_with_short_targets_are_summaries() -> None:
    assert made(texts(300, 80, 120), texts(300, 3, 6))[0] == "summary"


def test_summaries_without_the_package_for_rouge_are_judged_by_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("regard.training.recipe.find_spec", lambda name: None)
    base, values, reasons = made(texts(300, 80, 120), texts(300, 3, 6))
    assert (base, values["task"]["metrics"], values["training"]["best_by"]) == ("summary", ["chrf"], "chrf")
    assert any("pip install rouge-score" in reason for reason in reasons)


def test_single_words_on_both_sides_are_read_and_written_by_letter() -> None:
    words = ["".join(random.choices("abcdefgh", k=7)) for _ in range(500)]
    base, values, _ = made(words, [word[::-1] for word in words])
    assert (base, values["text"]["target"]) == ("g2p", {"kind": "characters"})


def test_symbols_on_both_sides_are_tokens_but_few_short_phrases_are_cut_in_pieces() -> None:
    symbols = [" ".join(random.choices("abcdefgh", k=7)) for _ in range(500)]
    base, values, _ = made(symbols, symbols)
    assert (base, values["text"]["source"]) == ("modern", {"kind": "spaced"})
    phrases = [f"in {n} {unit}" for n in range(2, 40) for unit in ("days", "weeks")]
    assert made(phrases, phrases)[1]["text"]["source"]["kind"] == "unigram"  # type: ignore[index]


def test_summaries_take_steps_by_their_number() -> None:
    few, more = made(texts(3000, 80, 90), texts(3000, 3, 6)), made(texts(9000, 80, 90), texts(9000, 3, 6))
    assert few[1]["training"]["steps"] < more[1]["training"]["steps"]  # type: ignore[operator]


def test_sentences_grow_the_model_with_the_data() -> None:
    few, more = made(texts(300, 8, 14), texts(300, 8, 14)), made(texts(20_000, 8, 14), texts(20_000, 8, 14))
    assert few[0] == more[0] == "modern"
    assert few[1]["model"]["dropout"] > more[1]["model"]["dropout"]  # type: ignore[operator]
    assert few[1]["training"]["steps"] < more[1]["training"]["steps"]  # type: ignore[operator]
    assert all(reason for reason in few[2])


def test_a_short_time_has_few_pieces_and_what_is_measured_has_them_too() -> None:
    words = ["".join(random.choices("abcdefgh", k=8)) for _ in range(30_000)]
    sentences = [" ".join(words[i : i + 10]) for i in range(0, len(words), 10)]
    measured: list[object] = []

    def speed(base: str, values: dict[str, Any], lengths: tuple[float, float]) -> float:
        measured.append((values["text"]["source"]["vocabulary"], values["model"].get("feed_forward")))
        return 1e4

    found = [
        recipe(sentences, sentences, Allowance(seconds, speed)).values["text"]["target"]["vocabulary"]
        for seconds in (300.0, 3600.0)
    ]
    assert found == [8000, 16_000]
    assert measured[0] == (8000, {"kind": "relu"})
    assert measured[-1] == (16_000, None)


def test_targets_without_spaces_are_judged_by_characters() -> None:
    _, values, _ = made(texts(300, 5, 9), ["これは文です。" * 3] * 300)
    assert values["task"]["metrics"] == ["chrf", "exact_match"]


def test_looks_by_hand() -> None:
    looks = Looks.of(["a b", "cc"])
    assert (looks.texts, looks.words, looks.characters, looks.inventory, looks.distinct) == (2, 1.5, 2.5, 3, 4)


def timed(sources: list[str], targets: list[str], seconds: float) -> dict[str, dict[str, object]]:
    """Return what is chosen for so many seconds on a machine where twice as wide is four times as slow."""
    allowance = Allowance(seconds, lambda base, values, lengths: 2e8 / values["model"]["d_model"] ** 2)
    found = recipe(sources, targets, allowance)
    resolve({"task": {"kind": "files", "train": "x"}}, read_preset(found.base), found.values)
    return found.values


def test_a_time_decides_how_wide_a_model_is_and_how_much_is_dropped() -> None:
    sentences = texts(20_000, 8, 12)
    short, long = timed(sentences, sentences, 120.0), timed(sentences, sentences, 36_000.0)
    assert (short["model"]["d_model"], long["model"]["d_model"]) == (128, 256)
    assert short["model"]["dropout"] < long["model"]["dropout"]  # type: ignore[operator]
    assert short["model"]["feed_forward"] == {"kind": "relu"}
    assert "feed_forward" not in long["model"]
    assert "steps" not in long["training"]
    assert timed(sentences[:500], sentences[:500], 7200.0)["model"]["d_model"] == 128
    words = ["".join(random.choices("abcdefgh", k=7)) for _ in range(30_000)]
    spoken = [" ".join(word.upper()) for word in words]
    assert timed(words, spoken, 120.0)["model"]["decoder_layers"] == 3
    assert timed(texts(300, 80, 120), texts(300, 3, 6), 120.0)["training"]["ema"] == 0.998
