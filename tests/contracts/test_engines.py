"""What every engine must keep, with every family that it runs, alone and as an ensemble."""

import math
import random
from collections.abc import Callable
from contextlib import nullcontext
from itertools import count, islice

import pytest

from regard.decoding.types import (
    BeamConfig,
    DecodingConfig,
    GreedyConfig,
    Hypothesis,
    NoNormalisation,
    PowerNormalisation,
    SamplingConfig,
)
from regard.errors import CheckpointError, DataError, MissingExtraError, UnsupportedError
from regard.inference import ENGINES
from regard.inference.engine import FEATURES, WINDOW, Engine, needed_for, windows
from regard.model_folder import ModelFolder
from regard.models.configs import ModelConfig
from tests.tiny_model import RECURRENT, TRANSFORMER, save_tiny_model
from tests.tolerances import SAME_MATH
from tests.unchecked import unchecked

NEAR_TIE = 1e-4
"""Nats between two hypotheses that another batch may swap."""

MODELS: dict[str, tuple[ModelConfig, ...]] = {
    "transformer": (TRANSFORMER,),
    "recurrent": (RECURRENT,),
    "ensemble": (TRANSFORMER, RECURRENT),
}
MARKS = {"ctranslate2": [pytest.mark.extra], "onnx": [pytest.mark.extra, pytest.mark.slow]}
EACH_ENGINE = [pytest.param(name, id=name, marks=MARKS.get(name, [])) for name in ENGINES]
LENGTHS = [7, 1, 16, 7, 2, 11]
SOURCES = [["abcdefghijklmnopqrstuvwxyz"[(7 * i + 3 * j) % 26] for j in range(n)] for i, n in enumerate(LENGTHS)]
CONFIGS = [
    GreedyConfig(max_length=10),
    BeamConfig(beams=3, n_best=3, max_length=10),
    GreedyConfig(no_repeat=1, min_length=4, max_length=10),
    BeamConfig(beams=3, n_best=3, no_repeat=1, min_length=4, max_length=10),
    SamplingConfig(n_best=2, top_k=5, seed=7, max_length=10),
]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., list[ModelFolder]]:
    def save(models: tuple[ModelConfig, ...]) -> list[ModelFolder]:
        path = tmp_path_factory.mktemp("models")
        return [save_tiny_model(path / str(seed), model, seed=seed) for seed, model in enumerate(models, start=1)]

    return save


@pytest.fixture(scope="module", params=MODELS)
def models(request: pytest.FixtureRequest, folders: Callable[..., list[ModelFolder]]) -> list[ModelFolder]:
    return folders(MODELS[request.param])


@pytest.fixture(scope="module", params=EACH_ENGINE)
def engine(request: pytest.FixtureRequest, models: list[ModelFolder]) -> Engine:
    loaded = load(request.param, models)
    assert loaded.name == request.param
    return loaded


def load(name: str, models: list[ModelFolder]) -> Engine:
    """Load an engine, or skip the test if it does not run these models or is not installed."""
    try:
        with unchecked() if name == "onnx" else nullcontext():  # which exports first
            return ENGINES[name].load(models)
    except (UnsupportedError, MissingExtraError) as error:
        pytest.skip(str(error))


def asks(engine: Engine, config: DecodingConfig, *features: str) -> None:
    """Skip the test if the engine lacks what a search needs, or one of the features."""
    lacking = {*needed_for(config, prefix=False), *features} - engine.supports
    if lacking:
        pytest.skip(f"{engine.name} lacks {', '.join(sorted(lacking))}")


def talkative(engine: Engine) -> GreedyConfig:
    """Return a search that writes several tokens, if the engine can be made to."""
    wanted = GreedyConfig(no_repeat=1, min_length=4, max_length=10)
    return wanted if needed_for(wanted, prefix=False) <= engine.supports else GreedyConfig(max_length=10)


def same(ours: list[Hypothesis], theirs: list[Hypothesis]) -> bool:
    """Tell whether hypotheses are the same, but for two that are as good as equally likely."""
    return all(a.tokens == b.tokens or abs(a.score - b.score) < NEAR_TIE for a, b in zip(ours, theirs, strict=True))


def test_an_engine_keeps_the_protocol(engine: Engine) -> None:
    assert isinstance(engine, Engine)
    assert engine.supports <= FEATURES


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.kind)
def test_together_or_alone_the_tokens_are_the_same_and_in_order(engine: Engine, config: DecodingConfig) -> None:
    asks(engine, config)
    together = list(engine.translate(SOURCES, config))
    assert len(together) == len(SOURCES)
    for key, (source, found) in enumerate(zip(SOURCES, together, strict=True)):
        assert len(found) == config.n_best
        (alone,) = engine.translate([source], config, keys=[key])
        assert same(found, alone)


@pytest.mark.slow
@pytest.mark.parametrize("models", ["transformer", "recurrent"], indirect=True)
def test_a_thousand_sentences_have_the_same_tokens_at_any_batch_size(engine: Engine) -> None:
    draw = random.Random(1)
    sources = [draw.choices("abcdefghijklmnopqrstuvwxyz", k=draw.randint(1, 30)) for _ in range(1000)]
    config = BeamConfig(no_repeat=1, min_length=4, max_length=6)
    asks(engine, config)
    alone, *others = (
        [found[0] for part in windows(sources, size) for found in engine.translate(part, config)]
        for size in (1, 2, 7, 64)
    )
    for size, together in zip((2, 7, 64), others, strict=True):
        gaps = [abs(a.score - b.score) for a, b in zip(alone, together, strict=True) if a.tokens != b.tokens]
        print(f"batches of {size}: {len(gaps)} of {len(sources)} sentences differ, by {max(gaps, default=0):.1e} nats")  # noqa: T201 - shown by pytest -s
        assert all(gap < NEAR_TIE for gap in gaps)


def test_sources_differ_in_their_outputs(engine: Engine) -> None:
    """Or else the test of order would prove nothing."""
    outputs = {found[0].tokens for found in engine.translate(SOURCES, talkative(engine))}
    assert len(outputs) > 3


def test_an_endless_stream_is_read_one_window_ahead(engine: Engine) -> None:
    numbers = count()
    config = GreedyConfig(max_length=1, length_ratio=0.0, length_extra=1)
    found = engine.translate((["ab"[number % 2]] for number in numbers), config)
    assert len(list(islice(found, WINDOW + 1))) == WINDOW + 1
    assert next(numbers) == 2 * WINDOW


def test_nothing_in_nothing_out(engine: Engine) -> None:
    assert list(engine.translate([], BeamConfig())) == []
    assert list(engine.score([])) == []


def test_hypotheses_differ_and_come_best_first_but_unended_ones_last(engine: Engine) -> None:
    for found in engine.translate(SOURCES, BeamConfig(beams=4, n_best=4, length=PowerNormalisation())):
        assert found == sorted(found, key=lambda h: (not h.ended, -h.score))
        assert len({h.tokens for h in found}) == 4


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.kind)
def test_a_score_is_that_of_the_hypothesis_read_as_a_target(engine: Engine, config: DecodingConfig) -> None:
    asks(engine, config, "scoring", "token log-probabilities")
    found = [(source, h) for source, hs in zip(SOURCES, engine.translate(SOURCES, config), strict=True) for h in hs]
    scores = engine.score((source, h.tokens) for source, h in found)
    for (_, h), token_log_probs in zip(found, scores, strict=True):
        assert len(token_log_probs) == len(h.tokens) + 1
        assert h.token_log_probs == pytest.approx(token_log_probs[: len(h.token_log_probs)], **approx(SAME_MATH))
        assert h.log_prob == pytest.approx(math.fsum(h.token_log_probs), **approx(SAME_MATH))
        if h.ended:
            assert h.log_prob == pytest.approx(math.fsum(token_log_probs), **approx(SAME_MATH))


def approx(tolerance: dict[str, float]) -> dict[str, float]:
    return {"rel": tolerance["rtol"], "abs": tolerance["atol"]}


def test_length_normalisation_divides_the_log_probability(engine: Engine) -> None:
    for length in (NoNormalisation(), PowerNormalisation(alpha=1.0)):
        for found in engine.translate(SOURCES, BeamConfig(length=length)):
            divisor = 1 if isinstance(length, NoNormalisation) else len(found[0].tokens) + found[0].ended
            assert found[0].score == pytest.approx(found[0].log_prob / divisor, **approx(SAME_MATH))


def test_outputs_start_with_their_prefix(engine: Engine) -> None:
    prefixes = [["K", "L"], [], ["AA"] * 3] * 2
    for config in CONFIGS:
        asks(engine, config, "a forced prefix")
        for prefix, found in zip(prefixes, engine.translate(SOURCES, config, prefixes), strict=True):
            assert all(list(h.tokens[: len(prefix)]) == prefix for h in found)


def test_a_prefix_that_cannot_be_written_is_refused(engine: Engine) -> None:
    asks(engine, GreedyConfig(), "a forced prefix")
    with pytest.raises(DataError, match="prefix: the model cannot write 'ZZ'"):
        list(engine.translate([["a"]], GreedyConfig(), [["AA", "ZZ"]]))


def test_as_many_prefixes_as_sources(engine: Engine) -> None:
    with pytest.raises(ValueError, match="shorter"):
        list(engine.translate([["a"], ["b"]], GreedyConfig(max_length=1), [["AA"]]))


def test_samples_depend_on_seed_and_key(engine: Engine) -> None:
    source, config = ["a", "b"], SamplingConfig(max_length=12, temperature=3.0)
    asks(engine, config)
    first, again, other_key = engine.translate([source] * 3, config, keys=[5, 5, 6])
    (other_seed,) = engine.translate([source], SamplingConfig(max_length=12, temperature=3.0, seed=2), keys=[5])
    assert first[0].tokens == again[0].tokens
    assert first[0].tokens != other_key[0].tokens
    assert first[0].tokens != other_seed[0].tokens


def test_tokens_that_were_never_seen_are_read_all_the_same(engine: Engine) -> None:
    (found,) = engine.translate([["犬", "a"]], talkative(engine))
    assert len(found[0].tokens) >= 2


@pytest.mark.parametrize("name", EACH_ENGINE)
@pytest.mark.parametrize("model", [TRANSFORMER, RECURRENT], ids=lambda model: model.kind)
def test_an_ensemble_of_one_model_twice_is_that_model(
    name: str, model: ModelConfig, folders: Callable[..., list[ModelFolder]]
) -> None:
    (folder,) = folders((model,))
    alone, twice = load(name, [folder]), load(name, [folder, folder])
    config = BeamConfig(n_best=2, no_repeat=1, min_length=4)
    for one, two in zip(alone.translate(SOURCES, config), twice.translate(SOURCES, config), strict=True):
        assert same(one, two)
        assert one[0].score == pytest.approx(two[0].score, **approx(SAME_MATH))
    pairs = [(source, ["AA", "B"]) for source in SOURCES]
    for log_probs, others in zip(alone.score(pairs), twice.score(pairs), strict=True):
        assert log_probs == pytest.approx(others, **approx(SAME_MATH))


@pytest.mark.parametrize("name", EACH_ENGINE)
def test_an_ensemble_is_not_its_first_model(name: str, folders: Callable[..., list[ModelFolder]]) -> None:
    first, second = folders((TRANSFORMER, TRANSFORMER))
    pair = (["a", "b"], ["AA", "B"])
    scores = [next(load(name, group).score([pair])) for group in ([first], [second], [first, second])]
    for one, other, both in zip(*scores, strict=True):
        assert math.exp(both) == pytest.approx((math.exp(one) + math.exp(other)) / 2, rel=1e-5)


@pytest.mark.parametrize("name", EACH_ENGINE)
def test_damaged_weights_are_named(name: str, folders: Callable[..., list[ModelFolder]]) -> None:
    load(name, folders((TRANSFORMER,)))
    (folder,) = folders((TRANSFORMER,))
    weights = folder.path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match=f"{weights}: (cannot be read|is damaged)"):
        ENGINES[name].load([folder])
