"""What a run folder tells of its training while it goes on, and that only one goes on at a time.

status.json      new, training, interrupted, failed or finished; step, best step and its scores
samples.jsonl    what became of the sample sentences, a line per validation
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from regard.config import to_mapping
from regard.errors import CheckpointError, ConfigError, RegardError
from regard.files import read_json, write_json
from regard.training.progress import Quiet, Replanned, ValidationReport, append_line, drop_after


def json_table(file: Path) -> dict[str, Any]:
    """Return the object that a JSON file of a run holds.

    Raises CheckpointError if it is damaged.
    """
    values = read_json(file)
    if not isinstance(values, dict):
        raise CheckpointError("is damaged", where=str(file), hint="take a whole copy, or start a new run")
    return values


def read_status(run: Path) -> dict[str, Any]:
    """Return how far a run got."""
    return json_table(run / "status.json")


@contextmanager
def true_state(run: Path) -> Iterator[None]:
    """Write the state of a run when its training begins, and when it ends, however it does."""
    _write_state(run, "training")
    try:
        yield
    except BaseException as error:
        with suppress(RegardError):  # what went wrong first is what counts
            if isinstance(error, KeyboardInterrupt | BrokenPipeError):
                _write_state(run, "interrupted")
            else:
                _write_state(run, "failed", str(error) or type(error).__name__)
        raise
    _write_state(run, "finished")


def _write_state(run: Path, state: str, problem: str = "") -> None:
    news = {"state": state} | ({"problem": problem} if problem else {})
    before = {name: value for name, value in read_status(run).items() if name != "problem"}
    write_json(run / "status.json", before | news)


@contextmanager
def alone_in(run: Path) -> Iterator[None]:
    """Keep other processes from training in a run while the block lasts.

    Raises ConfigError if one is at it.
    """
    handle = os.open(run, os.O_RDONLY)
    try:
        if not _locked(handle):
            hint = "wait for it, or stop it"
            raise ConfigError("another process is training here", where=str(run), hint=hint)
        yield
    finally:
        os.close(handle)


def _locked(handle: int) -> bool:
    """Lock a folder for this process, as long as it is open; return whether nobody else has."""
    try:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except (ImportError, OSError):  # a system without such locks
        pass
    return True


class StatusFile(Quiet):
    """Keeps the step and the scores in `status.json`."""

    def __init__(self, run: Path, steps: int) -> None:
        self.run, self.steps = run, steps

    def replanned(self, news: Replanned) -> None:
        self.steps = news.steps

    def saved(self, step: int) -> None:
        self._update({"step": step})

    def validated(self, report: ValidationReport) -> None:
        if report.best:
            scores = {name: result.value for name, result in report.metrics.items()}
            best = {"loss": report.loss, **scores, "weights": report.name}
            self._update({"best_step": report.step, "best": best})

    def _update(self, values: Mapping[str, Any]) -> None:
        write_json(self.run / "status.json", {**read_status(self.run), "steps": self.steps, **values})


class SampleFile(Quiet):
    """Keeps what became of the sample sentences, a line per validation."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def rewind(self, step: int) -> None:
        """Drop what was written after `step`."""
        drop_after(self.path, step)

    def validated(self, report: ValidationReport) -> None:
        if report.name == "validation":
            append_line(self.path, {"step": report.step, "samples": [to_mapping(sample) for sample in report.samples]})
