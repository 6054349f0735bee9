import math
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path

import pytest

from regard.decoding.types import BeamConfig, GreedyConfig, PowerNormalisation
from regard.errors import ConfigError, DataError, UnsupportedError
from regard.inference.translation import Translation
from regard.inference.translator import Translator
from tests.inference.echo_engine import EchoEngine, echo_folder


@pytest.fixture
def engine() -> EchoEngine:
    return EchoEngine()


@pytest.fixture
def translator(engine: EchoEngine) -> Translator:
    return Translator(engine, echo_folder(), window=3)


def test_a_text_in_a_translation_out(translator: Translator) -> None:
    assert translator.translate("a b") == Translation(
        source="a b",
        status="ok",
        text="A B",
        tokens=("A", "B"),
        token_log_probs=(-0.5, -0.5, -0.5),
        log_prob=-1.5,
        score=-1.5,
    )


@pytest.mark.parametrize("texts", [["a", "b c", "d", "e f", "g"], ("a",), []])
def test_a_list_in_a_list_out_in_order(translator: Translator, texts: list[str]) -> None:
    assert [translation.text for translation in translator.translate(texts)] == [text.upper() for text in texts]


@pytest.mark.parametrize("blank", ["", " ", "\t ", "\u3000"])
def test_blank_in_blank_out_and_the_model_is_not_asked(translator: Translator, engine: EchoEngine, blank: str) -> None:
    first, second, third = translator.translate(["a", blank, "b"])
    assert (first.text, second.text, third.text) == ("A", "", "B")
    assert second.status == "empty"
    assert math.isnan(second.score)
    assert [source for source, _, _ in engine.asked] == [["a"], ["b"]]


def test_lines_of_a_file_may_keep_their_ends(translator: Translator, engine: EchoEngine, tmp_path: Path) -> None:
    (tmp_path / "lines").write_bytes(b"a b\r\n\nc\n")
    with (tmp_path / "lines").open(newline="\n") as file:
        assert [answer.text for answer in translator.translate(file)] == ["A B", "", "C"]
    assert [source for source, _, _ in engine.asked] == [["a", "b"], ["c"]]


def test_an_endless_iterator_is_read_one_window_ahead(translator: Translator) -> None:
    numbers = count()
    answers = translator.translate(f"n {number}" for number in numbers)
    assert [answer.text for answer in islice(answers, 7)] == [f"N {number}" for number in range(7)]
    assert next(numbers) == 8


def test_a_window_of_one_answers_before_it_reads_on(engine: EchoEngine) -> None:
    read = []

    def texts() -> Iterator[str]:
        for text in ("a", "", "b"):
            read.append(text)
            yield text

    answers = Translator(engine, echo_folder(), window=1).translate(texts())
    for number, expected in enumerate(["A", "", "B"], start=1):
        assert next(answers).text == expected
        assert len(read) == number


@pytest.mark.parametrize(
    ("over_long", "text", "asked"),
    [
        ("split", "A B. C D", [["a", "b."], ["c", "d"]]),
        ("cut", "A B. C", [["a", "b.", "c"]]),
        ("refuse", "", []),
    ],
)
def test_what_is_too_long(engine: EchoEngine, over_long: str, text: str, asked: list[list[str]]) -> None:
    translation = Translator(engine, echo_folder(longest=3)).translate("a b. c d", over_long=over_long)
    statuses = {"split": "split", "cut": "cut", "refuse": "refused"}
    assert (translation.text, translation.status) == (text, statuses[over_long])
    assert [source for source, _, _ in engine.asked] == asked


def test_a_model_that_learnt_from_cut_texts_reads_them_cut(engine: EchoEngine) -> None:
    translator = Translator(engine, echo_folder(longest=3, over_long="cut"))
    assert translator.translate("a b. c d").status == "cut"
    assert translator.translate("a b. c d", over_long="split").status == "split"
    scores = list(translator.score([("a b c d", "x"), ("a", "w x y z")]))
    assert [(score.status, score.tokens) for score in scores] == [("cut", ("x",)), ("cut", ("w", "x", "y"))]


def test_the_score_of_a_split_text_is_that_of_its_parts_together(engine: EchoEngine) -> None:
    translator = Translator(engine, echo_folder(longest=2))
    translation = translator.translate("a b. c", decoding=BeamConfig(length=PowerNormalisation(alpha=2.0)))
    assert translation.tokens == ("A", "B.", "C")
    assert translation.token_log_probs == (-0.5,) * 5
    assert translation.log_prob == -2.5
    assert translation.score == -2.5 / 25


def test_an_output_at_the_length_limit_is_unfinished() -> None:
    translator = Translator(EchoEngine(limit=2), echo_folder())
    done, cut = translator.translate(["a b", "a b c"])
    assert (done.status, done.ended) == ("ok", True)
    assert (cut.status, cut.ended, cut.text) == ("unfinished", False, "A B")


def test_a_split_text_stays_split_when_a_part_is_unfinished() -> None:
    translation = Translator(EchoEngine(limit=2), echo_folder(longest=3)).translate("a. b c d")
    assert (translation.status, translation.ended, translation.text) == ("split", False, "A. B C")


def test_several_hypotheses_are_alternatives_best_first(translator: Translator) -> None:
    translation = translator.translate("a", n_best=3)
    assert translation.log_prob == -1.0
    assert [other.log_prob for other in translation.alternatives] == [-2.0, -3.0]
    assert [other.text for other in translation.alternatives] == ["A", "A"]


def test_alternatives_of_a_split_text_join_those_of_its_parts(engine: EchoEngine) -> None:
    translation = Translator(engine, echo_folder(longest=2)).translate("a b. c", n_best=2)
    assert [other.text for other in translation.alternatives] == ["A B. C"]
    assert translation.alternatives[0].log_prob == -5.0


def test_one_prefix_for_all_and_one_for_each(translator: Translator, engine: EchoEngine) -> None:
    assert [t.text for t in translator.translate(["a", "b"], prefix="so it is")] == ["so it is A", "so it is B"]
    assert [t.text for t in translator.translate(["a", "b"], prefix=["so", ""])] == ["so A", "B"]


def test_the_prefix_of_a_split_text_is_for_its_first_part(engine: EchoEngine) -> None:
    translator = Translator(engine, echo_folder(longest=2))
    assert translator.translate("a b. c", prefix="so").text == "so A B. C"


@pytest.mark.parametrize(
    ("prefixes", "words"), [(["x"], "text 2: has no prefix"), (["x", "y", "z"], "prefix 3: has no text")]
)
def test_prefixes_must_be_as_many_as_texts(translator: Translator, prefixes: list[str], words: str) -> None:
    with pytest.raises(DataError, match=words):
        translator.translate(["a", "b"], prefix=prefixes)


def test_samples_depend_on_the_line_not_on_the_window(engine: EchoEngine) -> None:
    texts = ["a b. c", "", "d", "e", "f"]
    for window in (1, 2, 5):
        engine.asked.clear()
        Translator(engine, echo_folder(longest=2), window=window).translate(texts)
        assert [key for _, _, key in engine.asked] == [1, 1, 3, 4, 5]


def test_the_stored_search_is_the_default(translator: Translator, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    translate = EchoEngine.translate

    def watched(self: EchoEngine, sources: object, config: object, *others: object) -> object:
        seen.append(config)
        return translate(self, sources, config, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(EchoEngine, "translate", watched)
    stored = translator.folder.settings.decoding
    translator.translate("a")
    translator.translate("a", beams=2)
    translator.translate("a", decoding=GreedyConfig())
    assert isinstance(stored, BeamConfig)
    assert seen == [stored, BeamConfig(beams=2, length=stored.length), GreedyConfig()]


def test_settings_are_refused_before_anything_is_read(translator: Translator) -> None:
    def texts() -> Iterator[str]:
        raise AssertionError("read")
        yield ""

    with pytest.raises(ConfigError, match="n_best: 9 of 4 beams cannot be given"):
        translator.translate(texts(), n_best=9)
    with pytest.raises(ConfigError, match="over_long: unknown value 'spilt'"):
        translator.translate(texts(), over_long="spilt")  # type: ignore[call-overload]
    with pytest.raises(ConfigError, match="window: 0 is below 1"):
        Translator(translator.engine, translator.folder, window=0)


def test_what_the_engine_lacks_is_refused_before_anything_is_read() -> None:
    engine = EchoEngine(supports=frozenset({"beam search", "length normalisation none"}))
    translator = Translator(engine, echo_folder())
    assert translator.translate("a").text == "A"
    with pytest.raises(UnsupportedError, match="a forced prefix, several hypotheses: not supported"):
        translator.translate("a", prefix="b", n_best=2)
    with pytest.raises(UnsupportedError, match="scoring: not supported"):
        next(translator.score([("a", "b")]))


def test_pairs_are_scored_in_order_and_over_long_ones_refused(engine: EchoEngine) -> None:
    translator = Translator(engine, echo_folder(longest=2), window=2)
    scores = list(translator.score([("a", "x"), ("a b c", "x"), ("a", "x y z"), ("a b", "x y"), ("a", "")]))
    assert [score.status for score in scores] == ["ok", "refused", "refused", "ok", "ok"]
    assert [score.log_prob for score in scores if score.status == "ok"] == [-1.0, -1.5, -0.5]
    assert scores[3].tokens == ("x", "y")
    assert scores[3].mean == -0.5
    assert scores[3].perplexity == pytest.approx(math.e**0.5)
    assert math.isnan(scores[1].log_prob)
    assert math.isnan(scores[1].perplexity)


def test_a_perplexity_beyond_all_numbers_is_infinite(engine: EchoEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.inference.echo_engine.LOG_PROB", -1000.0)
    (score,) = Translator(engine, echo_folder()).score([("a", "x")])
    assert score.perplexity == math.inf
