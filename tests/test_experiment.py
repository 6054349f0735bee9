import pytest

from regard.config import to_mapping
from regard.data.pairs import Pair
from regard.errors import ConfigError, DataError
from regard.experiment import (
    alternatives,
    differences,
    first_of_each,
    over_preset,
    pooled_references,
    prepare,
    presets,
    read_preset,
    resolve,
)
from regard.models.configs import TransformerConfig
from regard.tasks.base import Splits

TASK = {"task": {"kind": "files", "train": "x.tsv"}}


@pytest.mark.parametrize("name", [name for name in presets() if name != "auto"])
def test_every_preset_is_a_whole_config_and_survives_its_own_toml(name: str) -> None:
    config = resolve(TASK, read_preset(name))
    assert resolve(to_mapping(config)) == config


def test_sizes_that_the_presets_promise() -> None:
    def sizes(name: str) -> tuple[int, ...]:
        model = resolve(TASK, read_preset(name)).model
        assert isinstance(model, TransformerConfig)
        return model.encoder_layers, model.decoder_layers, model.d_model, model.d_ff, model.heads

    assert sizes("tiny") == (4, 4, 128, 256, 4)
    assert sizes("small") == (6, 6, 512, 1024, 4)
    assert sizes("vaswani-base") == (6, 6, 512, 2048, 8)
    assert sizes("vaswani-big") == (6, 6, 1024, 4096, 16)


def test_later_layers_lie_on_top() -> None:
    settings = over_preset(None, ["training.steps=7", "model.positions=alibi", "training.steps=9"])
    config = resolve(TASK, read_preset("tiny"), settings)
    assert (config.training.steps, config.model.positions.kind) == (9, "alibi")  # type: ignore[attr-defined]


def test_an_unknown_preset_is_answered_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"--preset: unknown preset 'smal' \(did you mean 'small'\?\)"):
        read_preset("smal")


def test_differences_are_named_by_path() -> None:
    one, other = resolve(TASK, read_preset("tiny")), resolve(TASK, read_preset("tiny"), {"training": {"seed": 2}})
    assert differences(one, one) == {}
    assert differences(one, other) == {"training.seed": (1, 2)}


def test_every_reference_is_learnt_and_pooled_where_asked() -> None:
    pairs = [Pair("a", "1", ("2",), 1), Pair("b", "3", (), 2), Pair("a", "4", (), 3)]
    assert [pair.target for pair in alternatives(pairs[0])] == ["1", "2"]
    assert pooled_references(pairs, pooled=False) == [["1", "2"], ["3"], ["4"]]
    assert pooled_references(pairs, pooled=True) == [["1", "2", "4"], ["3"], ["1", "2", "4"]]
    assert first_of_each(pairs, pooled=True) == [0, 1]
    assert first_of_each(pairs, pooled=False) == [0, 1, 2]


def test_a_split_of_over_long_pairs_alone_is_refused() -> None:
    config = resolve(TASK, {"text": {"source": "spaced", "target": "spaced", "longest_source": 2}})
    splits = Splits([Pair("a b c", "x", (), 1)], [Pair("a", "x", (), 1)])
    with pytest.raises(DataError, match="all 1 training pairs are over-long"):
        prepare(config, splits)
