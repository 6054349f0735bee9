"""What a training says while it runs: events, who listens, and the journal `metrics.jsonl`."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from regard.errors import writing
from regard.files import write_text
from regard.metrics.base import MetricResult


@dataclass(slots=True)
class Since:
    """Sums over the steps since the last validation."""

    nats: float = 0.0
    tokens: int = 0  # real target tokens
    seconds: float = 0.0

    def add(self, nats: float, tokens: int, seconds: float) -> None:
        """Take in a step."""
        self.nats, self.tokens, self.seconds = self.nats + nats, self.tokens + tokens, self.seconds + seconds

    @property
    def loss(self) -> float:
        """Mean training loss, in nats per target token."""
        return self.nats / max(self.tokens, 1)

    @property
    def speed(self) -> float:
        """Target tokens per second."""
        return self.tokens / max(self.seconds, 1e-9)


@dataclass(slots=True)
class Progress:
    """Where a training stands: all that decides the next step, beside weights and optimizer."""

    step: int = 0
    batch: int = 0  # batches taken so far
    seconds: float = 0.0  # spent in steps, over all parts of an interrupted run
    best: float | None = None  # best validation, as `best_by` has it
    best_loss: float = 0.0  # its loss, which decides between equals
    best_step: int = 0
    worse: int = 0  # validations since
    splits: int = 0  # batches that did not fit into memory and were halved
    trend: float | None = None  # running mean of the training loss, nats per token
    since: Since = field(default_factory=Since)
    outputs: list[str] = field(default_factory=list)  # of the sample sentences at the last validation
    recent: list[float] = field(default_factory=list)  # mean training losses of the last validations, nats per token
    valid: list[float] = field(default_factory=list)  # validation losses, likewise
    planned: int = 0  # steps that fit into the time given, as foretold last; 0 = not yet, or no time was given
    used: float = 0.0  # seconds of that time, over all parts of an interrupted run
    validated_at: float = 0.0  # seconds used at the last validation, or at the first step
    validation_seconds: float = 0.0  # that it took, less what it waited for other programs
    save_seconds: float = 0.0  # that the last checkpoint took


@dataclass(frozen=True, kw_only=True, slots=True)
class StepReport:
    """One update of the weights, or the mean over several."""

    step: int
    epoch: int
    loss: float  # nats per target token, without label smoothing
    rate: float  # factor of the schedule times the optimizer's rate
    gradient_norm: float
    tokens: int  # real target tokens of the step
    padding: float  # share of all target places that hold none
    tokens_per_second: float
    memory: int  # bytes resident


@dataclass(frozen=True, slots=True)
class Replanned:
    """How many steps fit into the time given, foretold anew."""

    step: int
    steps: int
    used: float  # seconds of the time
    seconds_per_step: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """A held-out sentence, followed through the training."""

    source: str
    reference: str
    now: str
    before: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ValidationReport:
    """How the model does on held-out pairs."""

    step: int
    epoch: int
    train_loss: float  # nats per target token since the last validation
    loss: float
    perplexity: float
    metrics: Mapping[str, MetricResult]
    samples: Sequence[Sample]
    seconds: float  # what the validation took
    tokens_per_second: float  # of training, since the last validation
    best: bool
    name: str = "validation"  # or which weights were validated at the end, such as "averaged"

    def score(self, by: str) -> float:
        """Return the number that models are chosen by: higher is better."""
        if by == "loss":
            return -self.loss
        result = self.metrics[by]
        return result.value if result.higher_is_better else -result.value

    def beats(self, progress: Progress, by: str) -> bool:
        """Whether this is the best validation so far; of equals, the one with the lower loss."""
        score = self.score(by)
        return progress.best is None or (score, -self.loss) > (progress.best, -progress.best_loss)


@runtime_checkable
class Listener(Protocol):
    """Who wants to know how a training goes."""

    def stepped(self, report: StepReport, steps: int) -> None:
        """Hear that a step of `steps` is done."""

    def validated(self, report: ValidationReport) -> None:
        """Hear how held-out pairs were scored."""

    def warned(self, step: int, text: str) -> None:
        """Hear that something looks wrong, or was mended; the text says what to do."""

    def saved(self, step: int) -> None:
        """Hear that a checkpoint is on disk."""

    def replanned(self, news: Replanned) -> None:
        """Hear how many steps fit into the time given."""


class Journal:
    """Writes events as lines of JSON, so that they can be read, plotted and followed."""

    EVERY = 20
    """Steps that share a line."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._steps: list[StepReport] = []

    def rewind(self, step: int, again: str = "") -> None:
        """Drop what was written after `step`, and every event `again`: what a resumed run does once more."""
        drop_after(self.path, step, again)

    def stepped(self, report: StepReport, steps: int) -> None:
        self._steps.append(report)
        if report.step % self.EVERY == 0 or report.step == steps:
            self._write_steps()

    def validated(self, report: ValidationReport) -> None:
        self._write(report.name, asdict(report))

    def warned(self, step: int, text: str) -> None:
        self._write("warning", {"step": step, "text": text})

    def saved(self, step: int) -> None:
        self._write_steps()  # a resumed run starts a new line
        self._write("saved", {"step": step})

    def replanned(self, news: Replanned) -> None:
        self._write("replanned", asdict(news))

    def _write_steps(self) -> None:
        if self._steps:
            tokens = sum(r.tokens for r in self._steps)
            loss = sum(r.loss * r.tokens for r in self._steps) / tokens
            self._write("step", asdict(self._steps[-1]) | {"loss": loss, "tokens": tokens})
            self._steps = []

    def _write(self, event: str, values: dict[str, Any]) -> None:
        append_line(self.path, {"event": event} | values)


def append_line(path: Path, values: Mapping[str, Any]) -> None:
    """Add a line of JSON to a file, on disk at once: no checkpoint may be newer than its journal."""
    with writing(path), path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(values, ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())


def drop_after(path: Path, step: int, event: str = "") -> None:
    """Drop the lines whose `step` is later, which a crash cut off, or which tell of `event`."""
    if path.exists():
        lines = [line for line in path.read_text(encoding="utf-8").split("\n") if _step_of(line) <= step]
        write_text(path, "".join(f"{line}\n" for line in lines if json.loads(line).get("event", "-") != event))


def read_journal(path: Path) -> list[dict[str, Any]]:
    """Return the events of a journal; a last line that was cut off by a crash is left out."""
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines if _step_of(line) < float("inf")]


def _step_of(line: str) -> float:
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return float("inf")


class Listeners:
    """Several listeners as one."""

    def __init__(self, *listeners: Listener) -> None:
        self._all = listeners

    def stepped(self, report: StepReport, steps: int) -> None:
        for listener in self._all:
            listener.stepped(report, steps)

    def validated(self, report: ValidationReport) -> None:
        for listener in self._all:
            listener.validated(report)

    def warned(self, step: int, text: str) -> None:
        for listener in self._all:
            listener.warned(step, text)

    def saved(self, step: int) -> None:
        for listener in self._all:
            listener.saved(step)

    def replanned(self, news: Replanned) -> None:
        for listener in self._all:
            listener.replanned(news)


def resident_memory() -> int:
    """Return the bytes of memory that this process holds; 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


class Quiet:
    """A listener that does not listen."""

    def stepped(self, report: StepReport, steps: int) -> None:
        """Do nothing."""

    def validated(self, report: ValidationReport) -> None:
        """Do nothing."""

    def warned(self, step: int, text: str) -> None:
        """Do nothing."""

    def saved(self, step: int) -> None:
        """Do nothing."""

    def replanned(self, news: Replanned) -> None:
        """Do nothing."""
