import pytest

from regard.decoding import LENGTHS, SEARCHES
from regard.errors import ConfigError
from regard.inference import ENGINES
from regard.interop import EXPORTS
from regard.interop.huggingface import ARCHITECTURES
from regard.interop.huggingface.architecture import Architecture
from regard.layers import COPYING, EMBEDDINGS, FEED_FORWARDS, NORMS, POSITIONS, RESIDUALS
from regard.metrics import METRICS
from regard.models import MODELS
from regard.registry import Registry, load_object
from regard.tasks import TASKS
from regard.text import TOKENIZERS
from regard.training import OPTIMIZERS, SCHEDULES

WITH_CONFIGS = (
    COPYING, EMBEDDINGS, FEED_FORWARDS, LENGTHS, MODELS, NORMS, OPTIMIZERS, POSITIONS, RESIDUALS, SCHEDULES, SEARCHES,
    TASKS, TOKENIZERS,
)  # fmt: skip


@pytest.mark.parametrize("registry", WITH_CONFIGS, ids=lambda registry: registry.group)
def test_every_row_leads_to_a_config_of_that_kind_and_to_its_part(registry: Registry) -> None:
    for name in registry:
        config = registry[name]
        assert config.kind == name
        if hasattr(config, "part"):
            assert callable(load_object(config.part))


@pytest.mark.parametrize("registry", [METRICS, ENGINES, EXPORTS], ids=lambda registry: registry.group)
def test_every_row_leads_to_a_part(registry: Registry) -> None:
    assert all(callable(registry[name]) for name in registry)


def test_every_architecture_says_how_it_is_read() -> None:
    assert all(isinstance(ARCHITECTURES[name], Architecture) for name in ARCHITECTURES)


def test_a_typo_is_answered_with_the_nearest_name() -> None:
    with pytest.raises(ConfigError, match=r"unknown positions 'sinusodal' \(did you mean 'sinusoidal'\?\)"):
        POSITIONS["sinusodal"]
    with pytest.raises(ConfigError, match=r"known here: bpe, characters, foreign, spaced, unigram"):
        TOKENIZERS["xyz"]


def test_plugins_are_found_by_their_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    class Entry:
        def load(self) -> str:
            return "found"

    def entry_points(*, group: str, name: str) -> list[Entry]:
        return [Entry()] if (group, name) == ("regard.model", "mine") else []

    monkeypatch.setattr("importlib.metadata.entry_points", entry_points)
    assert Registry("model", {}, plugins=True)["mine"] == "found"
    with pytest.raises(ConfigError):
        Registry("model", {})["mine"]
