import math
from pathlib import Path

import numpy as np
import pytest

from regard.inspection.agreement import agreement, agreement_over, mean_correlation
from regard.inspection.attribution import PairWords
from regard.inspection.heads import Head
from regard.inspection.occlusion import occlusion
from regard.inspection.trace import trace_subject
from regard.metrics.correlation import spearman
from regard.models.configs import ModelConfig
from tests.inspection.looking import TARGET, subject
from tests.tiny_model import RECURRENT, TRANSFORMER

SOURCE = list("ab cd ef g")
HEAD = Head(0, "encoder-decoder", 0)


def test_rows_are_ranked_one_by_one() -> None:
    """Rows correlate by 1 and -1/2; a row that is all alike does not count."""
    first = np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0], [1.0, 1.0, 1.0]])
    second = np.array([[0.1, 0.2, 0.9], [0.2, 0.3, 0.1], [0.1, 0.2, 0.3]])
    assert mean_correlation(first, second) == pytest.approx(0.25)
    assert math.isnan(mean_correlation(first[:, :2], second[:, :2]))
    assert math.isnan(mean_correlation(first[2:], second[2:]))


@pytest.mark.parametrize("config", [TRANSFORMER, RECURRENT], ids=["transformer", "recurrent"])
def test_a_head_is_compared_with_occlusion_word_by_word(tmp_path: Path, config: ModelConfig) -> None:
    looked = subject(tmp_path, config)
    found = agreement(looked, SOURCE, TARGET, HEAD)
    pair = PairWords.of(looked, SOURCE, TARGET)
    weights = pair.source.sums(trace_subject(looked, SOURCE, TARGET)[HEAD].double().numpy())
    lost = np.abs(occlusion(looked, SOURCE, TARGET).of_source)
    by_hand = np.mean([spearman(weights[t, :4], lost[t, :4]) for t in range(4)])  # each phoneme is a word
    assert found[f"weights, {HEAD}"] == pytest.approx(by_hand, abs=1e-6)
    families = {"rollout", "contribution"} if config is TRANSFORMER else set()
    everyone = {"weights, mean of all heads", "norms, mean of all heads", f"norms, {HEAD}", "gradient"}
    assert found.keys() == {f"weights, {HEAD}", *everyone, *families}


def test_a_sample_has_a_mean_and_an_interval(tmp_path: Path) -> None:
    looked = subject(tmp_path)
    pairs = [(SOURCE, TARGET), (list("ij kl mn"), ["G", "AA"]), (list("ab"), TARGET)]
    found = {row.method: row for row in agreement_over(looked, pairs)}
    each = [agreement(looked, *pair)["rollout"] for pair in pairs]
    assert math.isnan(each[2])
    assert found["rollout"].correlation == pytest.approx(np.mean(each[:2]))
    assert found["rollout"].sentences == 2
    assert found["rollout"].interval == pytest.approx((min(each[:2]), max(each[:2])))
