"""What a training will cost, from a few steps of it: time, memory and disk."""

import time
from dataclasses import dataclass

from regard.training.loop import Trainer
from regard.training.precision import memory_in_use

_STEPS = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Forecast:
    """Predicted cost of a run, or of what is left of it."""

    seconds: float  # of training and validation
    memory: int  # bytes resident
    disk: int  # bytes in the run folder
    tokens_per_second: float
    parameters: int


def forecast(trainer: Trainer, done: int = 0) -> Forecast:
    """Train a few steps, on the costliest batch too, and validate; nothing is written.

    `done` steps need not be done again. The trainer is used up: its weights have moved.
    """
    config, examples, steps = trainer.config, trainer.examples, max(0, trainer.config.steps - done)
    batches = examples.batches(config.batch_tokens, config.seed)
    largest = examples.largest_batch(config.batch_tokens)
    trainer.update([largest] * config.accumulate, 0)
    started = time.perf_counter()
    reports = [
        trainer.update([next(batches)[1] for _ in range(config.accumulate)], 0)
        for _ in range(min(_STEPS, config.steps))
    ]
    per_step = (time.perf_counter() - started) / len(reports)
    started = time.perf_counter()
    trainer.score(trainer.judged, 0, "forecast")
    validations = steps // config.validate_every + 1
    weights = 4 * len(trainer.weights.master)
    state = sum(tensor.numel() * tensor.element_size() for tensor in trainer.optimizer.state().values())
    copies = 3 + bool(config.ema) + bool(config.average or config.ema) + config.average
    return Forecast(
        seconds=config.budget or per_step * steps + (time.perf_counter() - started) * validations,
        memory=memory_in_use(trainer.precision.device),
        disk=copies * weights + 2 * state,
        tokens_per_second=sum(r.tokens for r in reports) / (per_step * len(reports)),
        parameters=sum(parameter.numel() for parameter in trainer.model.parameters()),
    )
