from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from regard.inspection.capture import capture_attention
from regard.inspection.trace import trace_subject
from tests.inspection.looking import SOURCE, TARGET, subject
from tests.tiny_model import RECURRENT
from tests.tolerances import SAME_MATH


def test_the_norm_of_what_a_head_adds_by_hand(tmp_path: Path) -> None:
    """‖weight · v · W_O‖, vector by vector; head 1 has features 8 to 15."""
    looked = subject(tmp_path)
    trace = trace_subject(looked, SOURCE, TARGET, "norm")
    with torch.inference_mode(), capture_attention(looked.model) as calls:
        looked.model(looked.batch([(SOURCE, TARGET)]))
    (call,) = calls["decoder.layers.1.source_attention"]
    output = looked.model.decoder.layers[1].source_attention.output.weight[:, 8:]
    for t in range(4):
        for s in range(6):
            added = output @ (call.weights[0, 1, t, s] * call.v[0, 1, s])
            assert_close(trace[1, "encoder-decoder", 1][t, s], added.norm().detach(), **SAME_MATH)
    assert trace.measure == "norm"


def test_additive_attention_has_no_output_projection(tmp_path: Path) -> None:
    looked = subject(tmp_path, RECURRENT)
    with torch.inference_mode():
        lengths = looked.model.encode(looked.batch([(SOURCE, TARGET)]).source).hidden[0].norm(dim=-1)
    weights, norms = (trace_subject(looked, SOURCE, TARGET, measure) for measure in ("weight", "norm"))
    place = 0, "encoder-decoder", 0
    assert_close(norms[place], weights[place] * lengths, **SAME_MATH)


@pytest.mark.slow
def test_a_long_text_is_traced_within_little_memory(tmp_path: Path) -> None:
    """512 by 512 tokens, 6 layers of 8 heads of all kinds: 151 MB of weights, and not twice as much again."""
    import resource

    from regard.inspection.subject import Subject
    from regard.layers.configs import SeparateConfig
    from regard.models.base import build_model
    from regard.models.configs import TransformerConfig

    sides = subject(tmp_path).sides
    config = TransformerConfig(d_model=64, heads=8, d_ff=64, embeddings=SeparateConfig())
    sizes = len(sides.source.vocabulary), len(sides.target.vocabulary)
    looked = Subject(build_model(config, *sizes).eval(), sides)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    trace = trace_subject(looked, ["a"] * 511, ["AA"] * 511)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert sum(weights.numel() for kind in trace.layers.values() for weights in kind) == 3 * 6 * 8 * 512 * 512
    assert grown < 400
