from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from regard.config import checked, from_mapping, merge, parse_setting, read_toml, to_mapping
from regard.errors import ConfigError
from regard.experiment import ExperimentConfig, resolve
from regard.models.configs import TransformerConfig


@dataclass(frozen=True, kw_only=True, slots=True)
class Inner:
    size: int = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Outer:
    name: str
    rate: float = 0.5
    flag: bool = False
    maybe: int | None = None
    kind_of: Literal["a", "b"] = "a"
    many: tuple[str, ...] = ()
    inner: Inner = field(default_factory=Inner)


def test_plain_values_become_a_config_and_back() -> None:
    values = {"name": "x", "rate": 2, "many": ["p", "q"], "inner": {"size": 5}}
    config = from_mapping(Outer, values)
    assert config == Outer(name="x", rate=2.0, many=("p", "q"), inner=Inner(size=5))
    assert from_mapping(Outer, to_mapping(config)) == config


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"nmae": "x"}, "nmae: unknown setting (did you mean 'name'?)"),
        ({}, "name: missing setting (give it a value)"),
        ({"name": 3}, 'name: expected a text in quotes, got 3 (such as "word")'),
        ({"name": "x", "flag": 1}, "flag: expected true or false, got 1 (such as true)"),
        ({"name": "x", "maybe": "no"}, "maybe: expected a whole number, got 'no' (such as 4)"),
        ({"name": "x", "rate": True}, "rate: expected a number, got True (such as 0.1)"),
        ({"name": "x", "many": "p"}, "many: expected a list, got 'p' (such as [\"word\"])"),
        ({"name": "x", "many": [1]}, 'many[0]: expected a text in quotes, got 1 (such as "word")'),
        ({"name": "x", "kind_of": "c"}, "kind_of: unknown value 'c' (one of a, b)"),
        ({"name": "x", "inner": {"siez": 1}}, "inner.siez: unknown setting (did you mean 'size'?)"),
    ],
)
def test_mistakes_name_the_place_and_what_to_do(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        from_mapping(Outer, values)
    assert str(caught.value) == message


def test_a_kind_picks_the_dataclass_and_only_its_keys_are_allowed() -> None:
    task = {"kind": "files", "train": "x.tsv"}
    config = resolve({"task": task, "model": {"kind": "transformer", "positions": {"kind": "shaw", "distance": 4}}})
    assert isinstance(config.model, TransformerConfig)
    assert to_mapping(config.model.positions) == {"distance": 4}
    with pytest.raises(ConfigError, match=r"model.positions.distance: unknown setting"):
        resolve({"task": task, "model": {"kind": "transformer", "positions": {"kind": "rotary", "distance": 4}}})
    with pytest.raises(ConfigError, match=r"model.positions.kind: unknown positions 'rotray' \(did you mean 'rotary'"):
        resolve({"task": task, "model": {"kind": "transformer", "positions": "rotray"}})


def test_a_bare_name_is_a_kind() -> None:
    named = resolve({"task": {"kind": "copy"}, "model": {"kind": "transformer", "positions": "alibi"}})
    table = resolve({"task": {"kind": "copy"}, "model": {"kind": "transformer", "positions": {"kind": "alibi"}}})
    assert named == table


def test_merging_changes_what_is_named_and_a_new_kind_starts_afresh() -> None:
    below = {"a": {"kind": "x", "size": 1, "deep": {"p": 1, "q": 2}}, "b": 1}
    assert merge(below, {"a": {"deep": {"q": 3}}}) == {"a": {"kind": "x", "size": 1, "deep": {"p": 1, "q": 3}}, "b": 1}
    assert merge(below, {"a": {"kind": "y"}}) == {"a": {"kind": "y"}, "b": 1}
    assert merge({"a": "x"}, {"a": {"size": 2}}) == {"a": {"kind": "x", "size": 2}}
    assert below["a"]["size"] == 1  # type: ignore[index]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a.b=3", {"a": {"b": 3}}),
        ("a = 0.5", {"a": 0.5}),
        ("a=true", {"a": True}),
        ("a=word", {"a": "word"}),
        ("a='3'", {"a": "3"}),
        ("a.b={kind='x', size=2}", {"a": {"b": {"kind": "x", "size": 2}}}),
        ("a=[1, 2]", {"a": [1, 2]}),
    ],
)
def test_set_reads_toml_and_bare_words(text: str, values: dict[str, Any]) -> None:
    assert parse_setting(text) == values


@pytest.mark.parametrize("text", ["a", "=3", "a..b=3", ""])
def test_set_refuses_what_is_no_setting(text: str) -> None:
    with pytest.raises(ConfigError, match=r"--set: expected path=value"):
        parse_setting(text)


def test_broken_toml_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_text("[model]\nkind = transformer\n")
    with pytest.raises(ConfigError, match=r"x.toml: is not TOML: .*line 2"):
        read_toml(file)
    with pytest.raises(ConfigError, match=r"missing.toml: cannot be read: No such file"):
        read_toml(tmp_path / "missing.toml")


def test_numbers_and_texts_are_not_guessed() -> None:
    assert checked(float, 3, "x") == 3.0
    with pytest.raises(ConfigError):
        checked(int, 3.0, "x")
    with pytest.raises(ConfigError):
        checked(int, True, "x")


def test_the_default_is_the_paper_s_base_model() -> None:
    config = from_mapping(ExperimentConfig, {"task": {"kind": "copy"}})
    model = config.model
    assert isinstance(model, TransformerConfig)
    assert (model.encoder_layers, model.d_model, model.heads, model.d_ff, model.dropout) == (6, 512, 8, 2048, 0.1)
    assert (model.positions.kind, model.residual.kind, model.norm.kind) == ("sinusoidal", "post-norm", "layer")
