"""What a page holds of a pair is what inspection says of it."""

import base64
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from regard.decoding.types import BeamConfig
from regard.inspection import page
from regard.inspection.agreement import agreement
from regard.inspection.attribution import METHODS
from regard.inspection.capture import capture_attention
from regard.inspection.contributions import contributions
from regard.inspection.effects import effects_of
from regard.inspection.heads import heads_of, layers_of
from regard.inspection.knockout import KnockOut
from regard.inspection.packing import FINE
from regard.inspection.page import Gathered, Silencing, gather, sets_of
from regard.inspection.page_file import filled
from regard.inspection.subject import Subject
from regard.inspection.trace import trace_subject
from tests.inspection.looking import SOURCE, TARGET, subject
from tests.page_stub import STUB
from tests.tiny_model import RECURRENT

DECODING = BeamConfig(no_repeat=1, min_length=4)


@pytest.fixture
def looked(tmp_path: Path) -> Subject:
    return subject(tmp_path)


def unpacked(found: Gathered, name: str, kind: type = np.uint8) -> np.ndarray:
    return np.frombuffer(zlib.decompress(base64.b64decode(found.bytes[name])), dtype=kind)


def weights_of(found: Gathered, maps: dict[str, Any]) -> np.ndarray:
    whole, parts = unpacked(found, maps["weights"]), unpacked(found, maps["rest"], np.int8)
    return (((whole + parts / FINE) / 255) ** 2).reshape(maps["shape"])


@pytest.mark.parametrize("measure", ["weight", "norm"])
def test_maps_are_those_of_the_trace(looked: Subject, measure: Any) -> None:
    found = gather(looked, SOURCE, TARGET, name="a")
    trace = trace_subject(looked, SOURCE, TARGET, measure)
    for kind, layers in trace.layers.items():
        maps = found.values["kinds"][kind]
        weights = weights_of(found, maps)
        if measure == "norm":
            weights = weights * np.array(maps["values"])[:, :, None]
        expected = torch.stack(list(layers)).numpy()
        assert weights.shape == expected.shape
        assert np.abs(weights - expected).max() < 1e-4 * max(1.0, expected.max())


def test_sides_say_which_words_tokens_belong_to(looked: Subject) -> None:
    sides = gather(looked, SOURCE, TARGET, name="a").values["sides"]
    assert sides["source"]["tokens"] == (*SOURCE, "</s>")
    assert sides["source"]["words"] == ("nobel", "</s>")
    assert sides["source"]["of"] == [[0]] * 5 + [[1]]
    assert sides["prefix"]["words"] == ("<s>", *TARGET)
    assert sides["target"]["special"] == (3,)


def test_queries_and_keys_give_the_scores(looked: Subject) -> None:
    found = gather(looked, SOURCE, TARGET, name="a")
    with torch.inference_mode(), capture_attention(looked.model) as calls:
        looked.model(looked.batch([(SOURCE, TARGET)]))
    for kind, attentions in layers_of(looked.model).items():
        for (module, _), row in zip(attentions, found.values["kinds"][kind]["vectors"], strict=True):
            call = calls[module][0]
            q, k = (
                unpacked(found, row[letter], np.int8).reshape(like[0].shape)
                * np.array(row[f"{letter}_steps"])[:, None, None]
                for letter, like in (("q", call.q), ("k", call.k))
            )
            expected = (call.q @ call.k.transpose(-2, -1))[0].numpy()
            assert np.abs(q @ k.transpose(0, 2, 1) - expected).max() < 0.02 * np.abs(expected).max()


def test_vectors_that_do_not_fit_are_left_out(looked: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "VECTOR_BYTES", 2 * 6 * 16)  # those of one layer of the encoder
    kinds = gather(looked, SOURCE, TARGET, name="a").values["kinds"]
    assert [len(kinds[kind]["vectors"]) for kind in kinds] == [1, 0, 0]


def test_every_head_and_every_layer_is_silenced(looked: Subject) -> None:
    found = gather(looked, SOURCE, TARGET, name="a", silencing=Silencing(("zero", "uniform"), DECODING))
    effects = found.values["effects"]
    assert len(effects) == 2 * (len(heads_of(looked.model)) + 6)
    for effect in (effects[3], effects[-1]):
        heads = next(heads for heads in sets_of(looked) if sorted(map(str, heads)) == sorted(effect["heads"]))
        (expected,) = effects_of(looked, SOURCE, TARGET, [KnockOut(heads, effect["way"])], decoding=DECODING)
        assert [change / 1000 for change in effect["changes"]] == pytest.approx(expected.changes, abs=6e-4)
        assert found.values["outputs"][effect["output"]] == expected.output


def test_methods_and_their_agreement(looked: Subject) -> None:
    values = gather(looked, SOURCE, TARGET, name="a").values
    assert [found["method"] for found in values["methods"]] == list(METHODS)
    expected = contributions(looked, SOURCE, TARGET)
    (found,) = (one for one in values["methods"] if one["method"] == "contribution")
    assert np.array(found["source"]) == pytest.approx(expected.of_source, abs=1e-4)
    assert found["share"] == pytest.approx(expected.source_share, abs=1e-4)
    assert [row["method"] for row in values["agreement"]] == list(agreement(looked, SOURCE, TARGET))


def test_a_family_of_one_head(tmp_path: Path) -> None:
    found = gather(subject(tmp_path, RECURRENT), SOURCE, TARGET, name="a", silencing=Silencing(("zero",), DECODING))
    assert list(found.values["kinds"]) == ["encoder-decoder"]
    assert found.values["kinds"]["encoder-decoder"]["vectors"] == []
    assert [one["method"] for one in found.values["methods"]] == ["gradient", "occlusion"]


def test_a_long_text_has_small_maps_and_no_effects(looked: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "LONG", 4)
    monkeypatch.setattr(page, "SMALL", 3)
    monkeypatch.setattr(page, "FINE_CELLS", 10)
    found = gather(looked, SOURCE, TARGET, name="a", silencing=Silencing(("zero",), DECODING))
    maps = found.values["kinds"]["encoder"]
    assert maps["rest"] is None
    assert maps["small"]["shape"] == [2, 2, 3, 3]
    small = unpacked(found, maps["small"]["bytes"]).reshape(2, 2, 3, 3)
    whole = unpacked(found, maps["weights"]).reshape(2, 2, 6, 6)
    assert (small[:, :, 0, 1] == whole[:, :, :2, 2:4].max(axis=(2, 3))).all()
    assert found.values["effects"] == []
    assert found.values["agreement"] is None
    assert [one["method"] for one in found.values["methods"]] == ["rollout", "contribution"]


def test_no_text_ends_the_element_that_it_stands_in() -> None:
    text = filled(STUB, {"text": "</script><script>alert(1)</script><!-- "}, {"a/x": "AAA="})
    assert text.count("<script") == text.count("</script") == 4
    assert "<!-- " not in text
