from pathlib import Path

import numpy as np
import pytest
import torch

from regard.inspection import corpus
from regard.inspection.corpus import HeadReport, head_reports, importance
from regard.inspection.effects import effects_of
from regard.inspection.heads import Head, heads_of
from regard.inspection.knockout import KnockOut
from regard.inspection.roles import Role, role_of
from regard.inspection.trace import trace_subject
from regard.models.configs import ModelConfig
from tests.inspection.looking import subject
from tests.tiny_model import RECURRENT, TRANSFORMER

PAIRS = [(list("nobel"), ["HH", "IH", "ER"]), (list("mnop"), ["G", "AA"]), (list("bb"), ["AA", "B", "G", "HH", "IH"])]


def report(kind: str = "encoder", special: float = 0.1, rarest: float = 0.1, **offsets: float) -> HeadReport:
    by_offset = {int(name.replace("minus", "-").replace("plus", "")): share for name, share in offsets.items()}
    return HeadReport(Head(0, kind, 0), 1.0, special, rarest, by_offset)  # type: ignore[arg-type]


def test_roles_by_hand() -> None:
    assert role_of(report(minus1=0.7, plus1=0.2)) == Role("previous", 0.7, -1)
    assert role_of(report(plus1=0.5)) == Role("next", 0.5, 1)
    assert role_of(report(minus3=0.6)) == Role("positional", 0.6, -3)
    assert role_of(report(minus9=0.9)) == Role("mixed", 0.1)
    assert role_of(report(special=0.8, minus1=0.6)) == Role("sink", 0.8)
    assert role_of(report(rarest=0.6)) == Role("rare", 0.6)
    assert role_of(report("encoder-decoder", plus1=0.6), 0.1) == Role("alignment", 0.9)
    assert role_of(report("encoder-decoder", plus1=0.6), 0.5) == Role("positional", 0.6, 1)
    assert role_of(report(plus1=0.49)) == Role("mixed", 0.49)


@pytest.mark.parametrize("config", [TRANSFORMER, RECURRENT], ids=["transformer", "recurrent"])
def test_every_number_is_that_of_the_traces(tmp_path: Path, config: ModelConfig) -> None:
    """Summed up anew, query by query, from the trace of each pair by itself."""
    looked = subject(tmp_path, config)
    traces = [trace_subject(looked, *pair) for pair in PAIRS]
    for found in head_reports(looked, PAIRS):
        kind, rows = found.head.kind, list[np.ndarray]()
        entropies, special, minus_one = [], [], []
        for trace in traces:
            weights = trace[found.head].double().numpy()
            rows.extend(weights)
            for q, row in enumerate(weights):
                entropies.append(-sum(w * np.log(w) for w in row if w > 0))
                special.append(row[0] if kind == "decoder" else row[-1])
                if 0 <= q - 1 < len(row):
                    minus_one.append(row[q - 1])
        assert found.entropy == pytest.approx(np.mean(entropies), abs=1e-5)
        assert found.special == pytest.approx(np.mean(special), abs=1e-5)
        assert found.offsets[-1] == pytest.approx(np.mean(minus_one), abs=1e-5)
        assert 20 not in found.offsets


def test_the_rarest_token_is_found_where_there_is_one(tmp_path: Path) -> None:
    """Of the sources "aab", "ab" and "c", only the b's are rarer than the a's, and "c" has no company."""
    looked = subject(tmp_path)
    pairs = [(list("aab"), ["AA"]), (list("ab"), ["AA"]), (list("c"), ["AA"])]
    traces = [trace_subject(looked, *pair) for pair in pairs[:2]]
    for found in head_reports(looked, pairs):
        if found.head.kind == "decoder":
            continue
        hits = [
            row[:-1].argmax() == place
            for trace, place in zip(traces, (2, 1), strict=True)
            for row in trace[found.head].numpy()
        ]
        assert found.rarest == pytest.approx(np.mean(hits))


@pytest.mark.parametrize("config", [TRANSFORMER, RECURRENT], ids=["transformer", "recurrent"])
def test_importance_is_the_loss_that_silencing_adds(
    tmp_path: Path, config: ModelConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = subject(tmp_path, config)
    tokens = sum(len(target) + 1 for _, target in PAIRS)
    found = importance(looked, PAIRS)
    for head in heads_of(looked.model):
        lost = -sum(effects_of(looked, *pair, [KnockOut.of(head)])[0].total for pair in PAIRS)
        assert found[head][0] == pytest.approx(lost / tokens, abs=1e-5)
        low, high = found[head][1]
        assert low <= found[head][0] <= high
    monkeypatch.setattr(corpus, "LOOK_TOKENS", 40)
    parts = importance(looked, PAIRS)
    assert all(parts[head][0] == pytest.approx(found[head][0], abs=1e-5) for head in found)


def test_looking_leaves_the_model_as_it_was(tmp_path: Path) -> None:
    looked = subject(tmp_path)
    batch = looked.batch(PAIRS)
    before = looked.model(batch)
    head_reports(looked, PAIRS)
    assert torch.equal(looked.model(batch), before)
