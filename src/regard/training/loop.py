"""The training loop, readable from top to bottom."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from regard.data.batch import Batch
from regard.data.batching import Examples
from regard.errors import ResourceError, TrainingError
from regard.layers import kernels
from regard.layers.noise import Noise, mix
from regard.models.base import Seq2SeqModel
from regard.training.averaging import RunningMean, Snapshots
from regard.training.checkpoint import Checkpoints
from regard.training.configs import TrainingConfig
from regard.training.course import Course
from regard.training.objectives import build_objective
from regard.training.optimizers import build_optimizer, clipping
from regard.training.precision import Precision, memory_in_use
from regard.training.progress import Listener, Progress, Sample, Since, StepReport, ValidationReport
from regard.training.validation import Validation, perplexity
from regard.training.warnings import look_for_trouble
from regard.training.weights import Weights
from regard.training.world import World

_SETTLED = 50
"""Steps after which a loss that keeps high above that of guessing is a divergence and not a start."""

_SUSPECT, _DIVERGED = 1.5, 2.0
"""Times the loss of guessing: from the first on, checkpoints wait; from the second on, training stops."""


class Interrupted(KeyboardInterrupt):
    """The training was asked to stop, and has saved its state."""


@runtime_checkable
class Watcher(Protocol):
    """Looks at the model at each validation, without changing it."""

    def record(self, model: Seq2SeqModel, step: int) -> None:
        """Look at the model as it is validated."""

    def rewind(self, step: int) -> None:
        """Forget what was seen after `step`."""


@dataclass
class Trainer:
    """All that a training works with. `train` is the course of it; the other methods are its parts, in order."""

    model: Seq2SeqModel
    examples: Examples
    validation: Validation
    config: TrainingConfig
    precision: Precision
    checkpoints: Checkpoints
    listener: Listener
    stop: Callable[[], bool]  # true once someone asked to stop
    course: Course
    world: World = field(default_factory=World)
    watcher: Watcher | None = None
    progress: Progress = field(default_factory=Progress)

    def __post_init__(self) -> None:
        """Gather the weights and make what follows them."""
        self.weights = Weights(self.model.to(self.precision.device), self.precision.torch_dtype)
        self.objective = build_objective(self.config)
        self.optimizer = build_optimizer(self.config.optimizer, self.weights)
        self.mean = RunningMean(self.weights, self.config.ema) if self.config.ema else None
        self.snapshots = Snapshots(self.checkpoints.run / "snapshots", self.config.average)
        self.noise = Noise(self.config.seed)

    def train(self) -> None:
        """Train to the last step, or until validation no longer improves; then choose the best weights."""
        config, progress = self.config, self.progress
        batches = self.examples.batches(config.batch_tokens, config.seed, progress.batch)
        while progress.step < self.steps and not self.finished:
            epochs, group = zip(*islice(batches, config.accumulate), strict=True)
            report = self.update(list(group), epochs[-1])
            news = self.course.stepped(progress)
            if news:
                self.listener.replanned(news)
            self.listener.stepped(report, self.steps)
            last = progress.step >= self.steps
            better = (self.course.validates(progress) or last) and self.validate(epochs[-1])
            due = self.course.saves(progress) and not self.risen(_SUSPECT)
            if due or last or better or self.finished:
                self.save()
            if self.world.from_first(self.stop):
                self.save()
                raise Interrupted
        self.finish()

    @property
    def steps(self) -> int:
        """How many steps the training has, as far as is known."""
        return self.course.steps(self.progress)

    @property
    def finished(self) -> bool:
        """Whether patience has run out."""
        return 0 < self.config.patience <= self.progress.worse

    @property
    def averages_next(self) -> bool:
        """Whether nothing is left but to make the mean of the last weights."""
        return (self.progress.step >= self.steps or self.finished) and len(self.snapshots) > 1

    def update(self, group: list[Batch], epoch: int) -> StepReport:
        """Change the weights once, by the mean gradient over all target tokens of the group."""
        started, progress = time.perf_counter(), self.progress
        nats, parts = self.gradient(group, progress.step + 1)
        gradient = self.world.total(self.weights.grad)
        norm = kernels.norm(gradient)
        tokens = sum(batch.tokens for batch in group)
        self.watch(group, nats / tokens, norm)
        progress.step += 1
        factor = self.course.rate_factor(self.config.schedule, progress)
        self.optimizer.step(gradient, progress.step, factor, clipping(norm, self.config.clip))
        if self.mean:
            self.mean.update(self.weights, progress.step)
        seconds = time.perf_counter() - started
        progress.batch += len(group)
        progress.seconds += seconds
        progress.splits += parts - len(group)
        progress.since.add(nats, tokens, seconds)
        return StepReport(
            step=progress.step,
            epoch=epoch,
            loss=nats / tokens,
            rate=self.config.optimizer.rate * factor,
            gradient_norm=norm,
            tokens=tokens,
            padding=1 - tokens / sum(batch.target_out.numel() for batch in group),
            tokens_per_second=tokens / seconds,
            memory=memory_in_use(self.precision.device),
        )

    def gradient(self, group: list[Batch], step: int) -> tuple[float, int]:
        """Leave the gradient of the mean loss in the weights; return the plain loss in nats and the passes it took.

        A batch that does not fit into memory is halved, which gives the same gradient, but for the dropout masks of
        the halves.
        """
        tokens, parts = sum(batch.tokens for batch in group), list(enumerate(group))
        while True:
            self.weights.grad.zero_()
            nats, place = 0.0, 0
            try:
                while place < len(parts):
                    name, batch = parts[place]
                    nats += self._pass(batch, step, name, tokens)
                    place += 1
                return self._total(nats), len(parts)
            except (MemoryError, RuntimeError) as error:
                if not _out_of_memory(error):
                    raise
                if len(parts[place][1].target_out) == 1:
                    hint = "lower training.batch_tokens or text.longest_source and longest_target"
                    raise ResourceError("one pair does not fit into memory", where="training", hint=hint) from None
            name, batch = parts[place]
            parts[place : place + 1] = [(mix(name, half), each) for half, each in enumerate(batch.halves())]
            count = self.progress.splits + len(parts) - len(group)
            self.listener.warned(step, f"out of memory: a batch was halved, same gradient; {count} times so far")

    def _total(self, nats: float) -> float:
        return float(self.world.total(torch.tensor([nats], dtype=torch.float64)))

    def _pass(self, batch: Batch, step: int, part: int, tokens: int) -> float:
        self.model.train()
        batch, before = self.world.part(batch)
        if not len(batch.target_out):
            return 0.0
        copies = self.objective.copies
        with self.noise.at(step, part, (copies * before, copies * len(batch.target_out))):
            loss = self.objective(self.model, batch.to(self.weights.grad.device))
            (loss.minimised / tokens).backward()
        return float(loss.nats.detach())

    def watch(self, group: list[Batch], loss: float, norm: float) -> None:
        """Stop before the weights change if the loss is no number, or has risen far above that of guessing.

        Raises TrainingError that names the batch and the folders with weights from before the trouble.
        """
        progress = self.progress
        if not (math.isfinite(loss) and math.isfinite(norm)):
            if progress.step and not self.risen(_SUSPECT):
                self.save()
            self.give_up(group, "the loss is no longer a number")
        progress.trend = loss if progress.trend is None else 0.9 * progress.trend + 0.1 * loss
        if self.risen(_DIVERGED):
            risen = f"the loss has risen to {progress.trend:.1f} nats per token, where guessing has {self.guessing:.1f}"
            self.give_up(group, risen)

    @property
    def guessing(self) -> float:
        """Loss of a model that finds all tokens equally likely."""
        return math.log(len(self.examples.sides.target.vocabulary))

    def risen(self, times: float) -> bool:
        """Whether the loss of the last steps is so many times that of guessing, though the start is over."""
        return self.progress.step >= _SETTLED and (self.progress.trend or 0.0) > times * self.guessing

    def give_up(self, group: list[Batch], problem: str) -> None:
        """Say what went wrong and on which pairs, and what is left."""
        lines = sorted(self.examples.encoded.pairs[i].line for batch in group for i in batch.pairs)
        kept = [f"`{name}`" for name in ("best", "last") if (self.checkpoints.run / name).exists()]
        left = f"weights from before are in {' and '.join(kept)}" if kept else "no weights had been saved yet"
        hint = f"lower training.optimizer.rate or lengthen the warm-up; {left}"
        where = f"step {self.progress.step + 1}, {len(lines)} pairs from lines {', '.join(map(str, lines[:8]))} ..."
        raise TrainingError(problem, where=where, hint=hint)

    @property
    def judged(self) -> Tensor:
        """The weights that validation sees: the running mean, if there is one."""
        return self.mean.vector if self.mean else self.weights.master

    def validate(self, epoch: int) -> bool:
        """Score the held-out pairs, and keep the weights if they are the best so far; return whether they are."""
        report = self.score(self.judged, epoch, "validation")
        progress, validation = self.progress, self.validation
        progress.recent.append(report.train_loss)
        progress.valid.append(report.loss)
        progress.outputs = [sample.now for sample in report.samples]
        self.keep_if_best(report, self.judged)
        progress.worse = 0 if report.best else progress.worse + 1
        self.listener.validated(report)
        pairs = [validation.encoded.pairs[i] for i in validation.scored]
        outputs = [self._outputs[i] for i in validation.scored]
        for text in look_for_trouble(report, progress, pairs, outputs, validation.unigram_loss):
            self.listener.warned(progress.step, text)
        if self.config.average and self.world.rank == 0:
            self.snapshots.add(self.weights, progress.step)
        if self.watcher and self.world.rank == 0:
            with self.weights.showing(self.judged):
                self.watcher.record(self.model, progress.step)
        progress.since = Since()
        self.course.validated(progress)
        return report.best

    def score(self, vector: Tensor, epoch: int, name: str) -> ValidationReport:
        """Return how the model does with the given weights."""
        started, progress = time.perf_counter(), self.progress
        self.model.eval()
        with self.weights.showing(vector):
            loss, outputs = self.world.from_first(self._validated)
        self._outputs = dict(outputs)
        before = progress.outputs or [""] * len(self.validation.samples)
        report = ValidationReport(
            step=progress.step,
            epoch=epoch,
            train_loss=progress.since.loss,
            loss=loss,
            perplexity=perplexity(loss),
            metrics=self.validation.judge(self._outputs),
            samples=[self._sample(i, text) for i, text in zip(self.validation.samples, before, strict=True)],
            seconds=time.perf_counter() - started,
            tokens_per_second=progress.since.speed,
            best=False,
            name=name,
        )
        return replace(report, best=report.beats(progress, self.config.best_by))

    def _validated(self) -> tuple[float, list[tuple[int, str]]]:
        return self.validation.loss(self.model), list(self.validation.outputs(self.model).items())

    def _sample(self, i: int, before: str) -> Sample:
        pair = self.validation.encoded.pairs[i]
        return Sample(source=pair.source, reference=pair.target, now=self._outputs[i], before=before)

    def keep_if_best(self, report: ValidationReport, vector: Tensor) -> None:
        """Write the folder `best` if a report says so."""
        if report.best:
            self.progress.best, self.progress.best_loss = report.score(self.config.best_by), report.loss
            self.progress.best_step = report.step
        if report.best and self.world.rank == 0:
            self.checkpoints.save_model("best", self.weights.named(vector))

    def save(self) -> None:
        """Write the folder `last`: everything that decides the next step."""
        tensors = self.optimizer.state() | ({"mean": self.mean.vector} if self.mean else {})
        if self.world.rank == 0:
            self.checkpoints.save_last(self.weights.named(self.weights.master), tensors, self.progress)
        self.course.saved(self.progress)
        self.listener.saved(self.progress.step)

    def restore(self) -> None:
        """Go on where the last checkpoint left off, if there is one."""
        saved = self.checkpoints.load_last()
        if saved:
            self.progress = saved.progress
            self.weights.load(self.weights.master, saved.weights)
            self.weights.publish()
            for name, tensor in self.optimizer.state().items():
                tensor.copy_(saved.tensors[name])
            if self.mean:
                self.mean.vector.copy_(saved.tensors["mean"])
        if self.world.rank == 0:
            self.snapshots.rewind(self.progress.step)
            if self.watcher:
                self.watcher.rewind(self.progress.step)

    def finish(self) -> None:
        """Make the mean of the last weights; keep it if it is better than the best so far."""
        vector = self.snapshots.mean() if self.config.average else self.mean.vector if self.mean else None
        if vector is not None and self.world.rank == 0:
            self.checkpoints.save_model("averaged", self.weights.named(vector))
        if vector is not None and self.config.average:
            report = self.score(vector, 0, "averaged")
            self.keep_if_best(report, vector)
            self.listener.validated(report)
            self.save()  # should the run go on to more steps, these are the weights to beat
        if self.world.rank == 0:
            self.snapshots.remove()


def _out_of_memory(error: BaseException) -> bool:
    words = ("can't allocate memory", "out of memory", "not enough memory")
    return isinstance(error, MemoryError) or any(word in str(error) for word in words)
