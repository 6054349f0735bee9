"""Learning rates as a function of the step: each returns a factor from 0 to 1, steps count from 1."""

import math

from regard.registry import load_object
from regard.training.configs import ScheduleConfig


def rate_factor(config: ScheduleConfig, step: int, steps: int) -> float:
    """Return the factor of the schedule that the config names, at `step` of `steps`."""
    warmup = min(1.0, step / config.warmup) if config.warmup else 1.0
    return warmup * load_object(config.part)(max(step, config.warmup, 1), max(config.warmup, 1), steps)


def inverse_sqrt(step: int, warmup: int, steps: int) -> float:
    """Return √(warmup / step): the paper's rate (equation 3) over its peak, 1 / √(d_model · warmup)."""
    return math.sqrt(warmup / step)


def _left(step: int, warmup: int, steps: int) -> float:
    return 1.0 if step <= warmup else max(0.0, (steps - step + 1) / (steps - warmup + 1))


def linear(step: int, warmup: int, steps: int) -> float:
    """Return what is left of the training after the warm-up, from 1 to nearly 0."""
    return _left(step, warmup, steps)


def cosine(step: int, warmup: int, steps: int) -> float:
    """Return half a cosine, from 1 to nearly 0."""
    return 0.5 - 0.5 * math.cos(math.pi * _left(step, warmup, steps))


def constant(step: int, warmup: int, steps: int) -> float:
    """Return 1."""
    return 1.0
