import math

import pytest

from regard.training.configs import ConstantConfig, CosineConfig, InverseSqrtConfig, LinearConfig, ScheduleConfig
from regard.training.schedules import rate_factor

ALL = [InverseSqrtConfig(warmup=10), LinearConfig(warmup=10), CosineConfig(warmup=10), ConstantConfig(warmup=10)]


@pytest.mark.parametrize("config", ALL, ids=lambda config: config.kind)
def test_the_rate_grows_in_a_line_to_its_peak(config: ScheduleConfig) -> None:
    assert [rate_factor(config, step, 100) for step in (1, 5, 10)] == pytest.approx([0.1, 0.5, 1.0])


@pytest.mark.parametrize("config", ALL, ids=lambda config: config.kind)
def test_after_the_warm_up_the_rate_never_grows(config: ScheduleConfig) -> None:
    rates = [rate_factor(config, step, 100) for step in range(10, 101)]
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] > 0


def test_the_paper_s_rate_over_its_peak() -> None:
    def paper(step: int) -> float:
        return 512**-0.5 * min(step**-0.5, step * 4000**-1.5)

    peak = 1 / math.sqrt(512 * 4000)
    for step in (1, 100, 4000, 16000, 99999):
        assert rate_factor(InverseSqrtConfig(), step, 100_000) * peak == pytest.approx(paper(step))


def test_line_and_cosine_by_hand() -> None:
    assert rate_factor(LinearConfig(warmup=0), 51, 100) == pytest.approx(0.5)
    assert rate_factor(CosineConfig(warmup=0), 51, 100) == pytest.approx(0.5)
    assert rate_factor(LinearConfig(warmup=0), 100, 100) == pytest.approx(0.01)


def test_a_warm_up_longer_than_the_training_is_cut_off() -> None:
    assert rate_factor(LinearConfig(warmup=200), 100, 100) == pytest.approx(0.5)
