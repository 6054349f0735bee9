import pytest

from regard.decoding.types import BeamConfig, GnmtNormalisation, GreedyConfig, PowerNormalisation, SamplingConfig
from regard.errors import ConfigError
from regard.inference.adjusted import adjusted

STORED = BeamConfig(beams=6, max_length=50, no_repeat=3, length=GnmtNormalisation(alpha=0.2))


def test_nothing_changed_is_the_same() -> None:
    assert adjusted(STORED, {}) == STORED


def test_one_setting_changes_and_the_others_stay() -> None:
    wider = adjusted(STORED, {"beams": 8, "n_best": 7})
    assert wider == BeamConfig(beams=8, n_best=7, max_length=50, no_repeat=3, length=GnmtNormalisation(alpha=0.2))


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        ({"alpha": 0.9}, GnmtNormalisation(alpha=0.9)),
        ({"kind": "power"}, PowerNormalisation()),
        ({"kind": "power", "alpha": 0.5}, PowerNormalisation(alpha=0.5)),
    ],
)
def test_length_normalisation_changes_in_part_or_in_kind(length: dict[str, object], expected: object) -> None:
    config = adjusted(STORED, {"length": length})
    assert isinstance(config, BeamConfig)
    assert config.length == expected


def test_another_kind_keeps_what_both_have() -> None:
    sampling = adjusted(STORED, {"kind": "sampling", "temperature": 0.7})
    assert sampling == SamplingConfig(temperature=0.7, max_length=50, no_repeat=3)
    assert adjusted(sampling, {"kind": "beam", "beams": 2}) == BeamConfig(beams=2, max_length=50, no_repeat=3)
    assert adjusted(sampling, {"kind": "greedy"}) == GreedyConfig(max_length=50, no_repeat=3)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"temperature": 0.7}, "temperature: has no meaning for beam search (it goes with sampling)"),
        (
            {"kind": "sampling", "length": {"alpha": 1.0}},
            "length: has no meaning for sampling search (it goes with beam)",
        ),
        ({"n_best": 7}, "n_best: 7 of 6 beams cannot be given (keep at least 7 beams)"),
        ({"length": {"kind": "none", "alpha": 1.0}}, "length.alpha: unknown setting (known here: nothing)"),
        ({"beams": 1.5}, "beams: expected a whole number, got 1.5 (such as 4)"),
        ({"kind": "beem"}, "unknown search 'beem' (did you mean 'beam'?)"),
    ],
)
def test_what_cannot_be(changes: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        adjusted(STORED, changes)
    assert str(caught.value) == words
