"""What a training shows: one live line, one row per validation, three sentences on their way, and warnings.

On a terminal the live line stays at the bottom and vanishes at the end; elsewhere a plain line appears now and then.
"""

import json
import time
from dataclasses import asdict
from typing import Any, Protocol, runtime_checkable

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.text import Text

from regard.cli.streams import tell
from regard.training.progress import Replanned, StepReport, ValidationReport


@runtime_checkable
class View(Protocol):
    """A listener with an end."""

    def stepped(self, report: StepReport, steps: int) -> None: ...
    def validated(self, report: ValidationReport) -> None: ...
    def warned(self, step: int, text: str) -> None: ...
    def saved(self, step: int) -> None: ...
    def replanned(self, news: Replanned) -> None: ...
    def close(self) -> None:
        """Take away what is only shown while training."""


class SilentView:
    """Shows warnings and nothing else."""

    def stepped(self, report: StepReport, steps: int) -> None:
        """Say nothing."""

    def validated(self, report: ValidationReport) -> None:
        """Say nothing."""

    def warned(self, step: int, text: str) -> None:
        tell(f"warning: step {step}: {text}")

    def saved(self, step: int) -> None:
        """Say nothing."""

    def replanned(self, news: Replanned) -> None:
        """Say nothing."""

    def close(self) -> None:
        """Nothing is shown."""


class JsonView(SilentView):
    """Prints every event as a line of JSON on stdout."""

    def stepped(self, report: StepReport, steps: int) -> None:
        self._print("step", asdict(report) | {"steps": steps})

    def validated(self, report: ValidationReport) -> None:
        self._print(report.name, asdict(report))

    def warned(self, step: int, text: str) -> None:
        self._print("warning", {"step": step, "text": text})

    def saved(self, step: int) -> None:
        self._print("saved", {"step": step})

    def replanned(self, news: Replanned) -> None:
        self._print("replanned", asdict(news))

    def _print(self, event: str, values: dict[str, Any]) -> None:
        print(json.dumps({"event": event} | values, ensure_ascii=False), flush=True)


class PlainView(SilentView):
    """Writes whole lines to stderr, without control codes: for pipes and log files."""

    EVERY = 30.0
    """Seconds between lines about steps."""

    def __init__(self) -> None:
        self._pace = Pace()
        self._shown = time.monotonic()
        self._rows = 0
        self._foretold = False

    def replanned(self, news: Replanned) -> None:
        if not self._foretold:
            steps = f"about {news.steps:,} steps of {1000 * news.seconds_per_step:.0f} ms fit into the time"
            self._say(f"  budget  {steps}; {duration(news.used)} of it are gone")
        self._foretold = True

    def stepped(self, report: StepReport, steps: int) -> None:
        self._pace.add(report)
        if time.monotonic() - self._shown >= self.EVERY:
            self._shown = time.monotonic()
            self._say(f"step {self._pace.words(report, steps)}")

    def validated(self, report: ValidationReport) -> None:
        if not self._rows:
            self._say(heading(report))
        self._rows += 1
        self._say(row(report))
        for line in sample_lines(report):
            self._say(line)

    def _say(self, line: str) -> None:
        tell(line)


class LiveView(PlainView):
    """A terminal: the live line, with the permanent rows scrolling above it."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console
        columns = (BarColumn(bar_width=8), TextColumn("{task.description}"))
        self._progress = Progress(*columns, console=console, transient=True, refresh_per_second=4)
        self._task: TaskID | None = None

    def stepped(self, report: StepReport, steps: int) -> None:
        self._pace.add(report)
        if self._task is None:
            self._progress.start()
            self._task = self._progress.add_task("", total=steps)
        words = self._pace.words(report, steps, room=self._console.width - 9)
        self._progress.update(self._task, completed=report.step, total=steps, description=words)

    def warned(self, step: int, text: str) -> None:
        self._console.print(Text(f"warning: step {step}: {text}", style="yellow"))

    def close(self) -> None:
        self._progress.stop()

    def _say(self, line: str) -> None:
        self._console.print(Text(line), soft_wrap=True)


class Pace:
    """Smooths what jumps from step to step, and foretells the end."""

    def __init__(self) -> None:
        self._loss = self._tokens = self._seconds = 0.0
        self._started = 0.0  # when the first step was done
        self._steps = 0

    def add(self, report: StepReport) -> None:
        """Take in a step; the last fifty or so count."""
        fade = min(self._steps / (self._steps + 1), 0.98)
        self._started = self._started or time.monotonic()
        self._steps += 1
        self._loss = fade * self._loss + (1 - fade) * report.loss
        self._tokens = fade * self._tokens + (1 - fade) * report.tokens
        self._seconds = fade * self._seconds + (1 - fade) * report.tokens / report.tokens_per_second

    def words(self, report: StepReport, steps: int, room: int = 1000) -> str:
        """Return the state of the training in so many characters at most: what matters least is left out first."""
        left = (time.monotonic() - self._started) / max(1, self._steps - 1) * (steps - report.step)
        parts = {
            "step": f"{report.step}/{steps}",
            "loss": f"loss {self._loss:.3f}",
            "rate": f"rate {report.rate:.0e}",
            "speed": f"{self._tokens / max(self._seconds, 1e-9):,.0f} tok/s",
            "left": f"{duration(left if left < 600 else left // 60 * 60).removesuffix(' 00 s')} left",
            "memory": f"{report.memory / 2**30:.1f} GiB" if report.memory else "",
        }
        for least in ("rate", "memory", "speed", "loss", "left"):
            if len("  ".join(filter(None, parts.values()))) <= room:
                break
            del parts[least]
        return "  ".join(filter(None, parts.values()))


def heading(report: ValidationReport) -> str:
    """Return the names of a validation's numbers."""
    names = "".join(f"{name[:14]:>15}" for name in report.metrics)
    return f"{'step':>8}{'epoch':>7}{'train':>8}{'valid':>8}{'ppl':>9}{names}{'tok/s':>9}"


def row(report: ValidationReport) -> str:
    """Return a validation's numbers, with a star for the best so far."""
    values = "".join(f"{result.value:>15.2f}" for result in report.metrics.values())
    train = f"{report.train_loss:>8.3f}" if report.tokens_per_second else f"{'':>8}"
    speed = f"{report.tokens_per_second:>9,.0f}" if report.tokens_per_second else f"{report.name:>9}"
    best = " *" if report.best else ""
    return f"{report.step:>8}{report.epoch:>7}{train}{report.loss:>8.3f}{report.perplexity:>9.2f}{values}{speed}{best}"


def sample_lines(report: ValidationReport) -> list[str]:
    """Return the sample sentences: source, reference, output now and before."""
    lines = []
    for sample in report.samples:
        lines += [f"  source {_short(sample.source)}", f"     ref {_short(sample.reference)}"]
        lines += [f"     now {_short(sample.now)}"]
        if sample.before and sample.before != sample.now:
            lines += [f"  before {_short(sample.before)}"]
    return lines


def _short(text: str, most: int = 100) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def duration(seconds: float) -> str:
    """Return a time in the two units that matter."""
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02d} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02d} min"


def choose_view(*, quiet: bool, as_json: bool) -> View:
    """Return the view that fits where stderr goes."""
    if as_json:
        return JsonView()
    if quiet:
        return SilentView()
    console = Console(stderr=True, highlight=False)
    return LiveView(console) if console.is_terminal and not console.is_dumb_terminal else PlainView()
