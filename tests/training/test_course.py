"""Trainings by the clock, on a clock of the test's own."""

import random
from pathlib import Path

import pytest

from regard.training.configs import InverseSqrtConfig, LinearConfig
from regard.training.course import TimedCourse, process_age
from regard.training.progress import Progress
from tests.training.runs import Recorder, tiny_run


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def spend(
    course: TimedCourse, clock: Clock, progress: Progress, *, step: float, look: float, stop_at: float = 1e9
) -> list[float]:
    """Train as the loop does, with steps of about `step` seconds; return the factors of the learning rate."""
    dice, factors = random.Random(1), []
    while progress.step < course.steps(progress) and clock.seconds < stop_at:
        progress.step += 1
        factors.append(course.rate_factor(LinearConfig(warmup=100), progress))
        clock.seconds += step * dice.uniform(0.6, 1.4)
        course.stepped(progress)
        assert progress.planned * step < 3 * course.budget, "a step has taken no time yet"
        if course.validates(progress) or progress.step >= course.steps(progress):
            clock.seconds += look
            progress.valid.append(1.0)
            course.validated(progress)
        if course.saves(progress):
            clock.seconds += 0.3
            course.saved(progress)
    clock.seconds += 0.3
    return factors


@pytest.mark.parametrize("budget", [60.0, 120.0, 600.0, pytest.param(7200.0, marks=pytest.mark.slow)])
@pytest.mark.parametrize("step", [0.02, 0.25, 1.5])
@pytest.mark.parametrize("look", [0.2, 6.0])
def test_the_time_is_met_and_the_rate_comes_to_its_end(budget: float, step: float, look: float) -> None:
    clock, progress = Clock(), Progress()
    course = TimedCourse(budget, began=clock() - 4.0, now=clock)  # 4 seconds went before the first step
    factors = spend(course, clock, progress, step=step, look=look)
    assert clock.seconds + 4.0 == pytest.approx(budget, abs=max(5.0, 0.03 * budget))
    assert factors[-1] < 0.05
    assert max(factors) > 0.75
    assert 1 <= len(progress.valid) <= TimedCourse.LOOKS + 1
    assert len(progress.valid) * look < 0.3 * budget


def test_what_went_before_the_first_step_calls_for_no_validation() -> None:
    clock, progress = Clock(), Progress()
    course = TimedCourse(60.0, began=-20.0, now=clock)
    spend(course, clock, progress, step=0.1, look=2.0, stop_at=10.0)
    assert progress.step > 50
    assert not progress.valid


def test_a_machine_that_becomes_slower() -> None:
    clock, progress = Clock(), Progress()
    course = TimedCourse(300.0, began=0.0, now=clock)
    spend(course, clock, progress, step=0.1, look=2.0, stop_at=150.0)
    before = progress.planned
    factors = spend(course, clock, progress, step=0.2, look=2.0)
    assert progress.step < 0.85 * before
    assert clock.seconds == pytest.approx(300.0, abs=9.0)
    assert factors[-1] < 0.05


def test_a_validation_that_others_kept_waiting_is_not_expected_again() -> None:
    clock, progress, waited = Clock(), Progress(), 0.0
    course = TimedCourse(300.0, began=0.0, now=clock, worked=lambda: clock() - waited)
    spend(course, clock, progress, step=0.1, look=2.0, stop_at=50.0)
    clock.seconds, waited = clock.seconds + 100.0, 100.0
    course.validated(progress)
    assert progress.validation_seconds == pytest.approx(2.0, abs=2.0)
    factors = spend(course, clock, progress, step=0.1, look=2.0)
    assert clock.seconds == pytest.approx(300.0, abs=9.0)
    assert factors[-1] < 0.05


def test_what_an_interrupted_run_used_is_counted() -> None:
    clock, progress = Clock(), Progress()
    spend(TimedCourse(300.0, began=0.0, now=clock), clock, progress, step=0.1, look=2.0, stop_at=100.0)
    again = Clock()
    again.seconds = 5000.0
    course = TimedCourse(300.0, began=4995.0, now=again)
    assert course.used(progress) == pytest.approx(105.0, abs=1.0)
    spend(course, again, progress, step=0.1, look=2.0)
    assert again.seconds - 5000.0 == pytest.approx(195.0, abs=9.0)


def test_few_steps_are_not_all_warm_up() -> None:
    course, progress = TimedCourse(60.0, began=0.0, now=Clock()), Progress(planned=50, step=10)
    assert course.rate_factor(InverseSqrtConfig(warmup=4000), progress) == 1.0


def test_a_run_by_the_clock(tmp_path: Path) -> None:
    run, splits = tiny_run(tmp_path / "run", {"training": {"budget": 3.0, "save_every": 1}})
    heard = Recorder()
    progress = run.train(splits, heard).progress
    assert progress.step == progress.planned == heard.plans[-1].steps
    assert progress.used <= 3.5
    assert run.status()["steps"] == progress.planned
    assert heard.validations


def test_the_age_of_a_process() -> None:
    assert 0.0 < process_age() < 24 * 3600
