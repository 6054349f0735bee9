"""How long a training is, and when it looks at held-out pairs and saves: so many steps, or so much time."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, runtime_checkable

from regard.training.configs import ScheduleConfig, TrainingConfig
from regard.training.progress import Progress, Replanned
from regard.training.schedules import rate_factor

_LOADED = time.monotonic()


@runtime_checkable
class Course(Protocol):
    """What the training loop asks after every step."""

    def steps(self, progress: Progress) -> int:
        """Return how many steps the training has, as far as is known."""

    def rate_factor(self, schedule: ScheduleConfig, progress: Progress) -> float:
        """Return the schedule's factor on the learning rate of the step that is due."""

    def stepped(self, progress: Progress) -> Replanned | None:
        """Hear that a step is done; return news of how many there will be."""

    def validates(self, progress: Progress) -> bool:
        """Whether held-out pairs are due."""

    def validated(self, progress: Progress) -> None:
        """Hear that they were scored."""

    def saves(self, progress: Progress) -> bool:
        """Whether a checkpoint is due."""

    def saved(self, progress: Progress) -> None:
        """Hear that one was written."""


@dataclass(frozen=True, slots=True)
class CountedCourse:
    """As many steps as the config says."""

    config: TrainingConfig

    def steps(self, progress: Progress) -> int:
        return self.config.steps

    def rate_factor(self, schedule: ScheduleConfig, progress: Progress) -> float:
        return rate_factor(schedule, progress.step, self.config.steps)

    def stepped(self, progress: Progress) -> Replanned | None:
        return None

    def validates(self, progress: Progress) -> bool:
        return progress.step % self.config.validate_every == 0

    def validated(self, progress: Progress) -> None:
        pass

    def saves(self, progress: Progress) -> bool:
        return progress.step % self.config.save_every == 0

    def saved(self, progress: Progress) -> None:
        pass


class TimedCourse:
    """As many steps as fit into a time, foretold again and again from how long steps take.

    The learning rate follows the steps foretold, so that it comes to its end when the time is up. What was used is
    kept in the progress: a run that was interrupted goes on with the time that was left.
    """

    LOOKS = 8
    """Validations, at most; fewer where they would take more than SHARE of the time."""
    SHARE = 0.06
    EVERY = 0.02
    """Share of the time after which steps are foretold anew; more often at the start."""
    SETTLED = 4
    """Steps until the first says something."""

    def __init__(
        self,
        budget: float,
        began: float,
        now: Callable[[], float] = time.monotonic,
        worked: Callable[[], float] | None = None,
    ) -> None:
        """Spend `budget` seconds that count from `began`, on the clock `now`.

        `worked` tells how long the processor has worked for this process, in seconds. A validation that took longer
        was kept waiting by other programs, and the next need not be.
        """
        self.budget, self.began, self.now, self.worked = budget, began, now, worked or now
        self._worked = 0.0  # until the last step
        self._before: float | None = None  # used by earlier processes
        self._per_step = 0.0
        self._counted = 0
        self._last = self._replanned = self._saved = 0.0

    def used(self, progress: Progress) -> float:
        """Return how much of the time is gone, in seconds."""
        if self._before is None:
            self._before = progress.used
            self._replanned = self._saved = self._before
        return self._before + self.now() - self.began

    def steps(self, progress: Progress) -> int:
        return progress.planned or progress.step + 1

    def rate_factor(self, schedule: ScheduleConfig, progress: Progress) -> float:
        if not progress.planned:
            return min(1.0, progress.step / max(1, schedule.warmup))
        warmup = min(schedule.warmup, progress.planned // 5)  # few steps: most of them are to learn something
        return rate_factor(replace(schedule, warmup=warmup), progress.step, progress.planned)

    def stepped(self, progress: Progress) -> Replanned | None:
        progress.used = used = self.used(progress)
        if progress.step == 1:
            progress.validated_at = used  # what came before the first step taught nothing
        if self._counted:
            fade = min(1.0 - 1.0 / self._counted, 0.98)
            self._per_step = fade * self._per_step + (1.0 - fade) * (used - self._last)
        self._counted, self._last, self._worked = self._counted + 1, used, self.worked()
        early = self._counted in (self.SETTLED, 4 * self.SETTLED, 16 * self.SETTLED)
        if self._counted < self.SETTLED or not (early or used - self._replanned >= self.EVERY * self.budget):
            return None
        self._replanned = used
        left = self.budget - used - self._still_to_come(progress)
        planned = progress.step + max(0, int(left / max(self._per_step, 1e-9)))
        if planned == progress.planned:
            return None
        progress.planned = planned
        return Replanned(progress.step, planned, used, self._per_step)

    def _still_to_come(self, progress: Progress) -> float:
        """Return the seconds of the validations and of the saving that are still to come."""
        cost = progress.validation_seconds or self.SHARE / 3 * self.budget
        left = self.budget - progress.used
        looks = max(0, round((left - (progress.used - progress.validated_at)) / self._interval(progress)) - 1)
        return cost * (1 + min(looks, self.LOOKS)) + progress.save_seconds

    def _interval(self, progress: Progress) -> float:
        first = not progress.validation_seconds
        return self.budget / 4 if first else max(self.budget / self.LOOKS, progress.validation_seconds / self.SHARE)

    def validates(self, progress: Progress) -> bool:
        interval, used = self._interval(progress), progress.used
        return used - progress.validated_at >= interval and self.budget - used >= interval / 2

    def validated(self, progress: Progress) -> None:
        before, self._last = self._last, self.used(progress)  # the next step does not count it
        progress.validation_seconds = min(self._last - before, self.worked() - self._worked)
        progress.validated_at = self._last
        progress.used = self._last

    def saves(self, progress: Progress) -> bool:
        return progress.used - self._saved >= max(60.0, self.budget / 20)

    def saved(self, progress: Progress) -> None:
        before, self._last = self._last, self.used(progress)
        progress.save_seconds, self._saved = self._last - before, self._last
        progress.used = self._last


def process_age() -> float:
    """Return for how many seconds this process has been there; where the system does not tell, this module."""
    try:
        fields = Path("/proc/self/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return time.clock_gettime(time.CLOCK_BOOTTIME) - int(fields[19]) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError, AttributeError):
        return time.monotonic() - _LOADED
