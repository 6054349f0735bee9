from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from regard.config import merge
from regard.errors import ConfigError
from regard.experiment import resolve
from regard.inference.translator import Translator
from regard.inspection.probes import from_bytes, read_probes, to_bytes
from regard.inspection.trace import trace_pair
from regard.training.loop import Interrupted
from tests.training.runs import TINY, Recorder, tiny_run


def test_bytes_are_fine_near_zero() -> None:
    weights = torch.tensor([[[0.0, 1.0, 0.25, 1e-5]]])
    assert to_bytes(weights).tolist() == [[[0, 255, 128, 1]]]
    assert (from_bytes(to_bytes(weights)) - weights).abs().max() < 1 / 255


def test_a_few_pairs_are_seen_at_each_validation(tmp_path: Path) -> None:
    run, splits = tiny_run(tmp_path / "run", {"training": {"probes": 2}})
    trainer = run.train(splits, Recorder())
    found = list(read_probes(run.path))
    assert [step for step, _ in found] == [4, 8, 12]
    assert [len(traces) for _, traces in found] == [2, 2, 2]
    (first, last), engine = found[-1][1], Translator.load(run.path / "last", engine="torch").engine
    assert (last.source, last.target_out) != (first.source, first.target_out)
    assert trainer.progress.step == 12
    now = trace_pair(engine, last.source[:-1], last.target_out[:-1])
    for kind, layers in now.layers.items():
        for seen, weights in zip(last.layers[kind], layers, strict=True):
            assert_close(seen, weights, rtol=0, atol=1 / 255)  # as a byte


def test_probes_change_nothing_and_cost_no_file_when_there_are_none(tmp_path: Path) -> None:
    files = []
    for number in (0, 3):
        run, splits = tiny_run(tmp_path / str(number), {"training": {"probes": number}})
        run.train(splits, Recorder())
        files.append((run.path / "last" / "model.safetensors").read_bytes())
        assert (run.path / "probes").exists() == bool(number)
    assert files[0] == files[1]


@pytest.mark.slow
def test_a_resumed_run_sees_what_an_uninterrupted_one_does(tmp_path: Path) -> None:
    whole, splits = tiny_run(tmp_path / "whole")
    whole.train(splits, Recorder())
    run, splits = tiny_run(tmp_path / "run")
    heard = Recorder()
    with pytest.raises(Interrupted):
        run.train(splits, heard, lambda: len(heard.steps) >= 6)
    (run.path / "probes" / "00000008.safetensors").write_bytes(b"seen before the power went")
    run.train(splits, Recorder())
    names = sorted(file.name for file in (whole.path / "probes").iterdir())
    assert names == ["00000004.safetensors", "00000008.safetensors", "00000012.safetensors", "probes.json"]
    for name in names:
        assert (run.path / "probes" / name).read_bytes() == (whole.path / "probes" / name).read_bytes()


def test_less_than_none() -> None:
    with pytest.raises(ConfigError, match=r"training.probes: -1 is below 0"):
        resolve(merge(TINY, {"training": {"probes": -1}}))
