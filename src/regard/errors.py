"""Every error that regard raises on purpose.

RegardError
├── UsageError         the command line cannot be understood                    (ValueError)
├── ConfigError        a setting is unknown, of the wrong type, or impossible   (ValueError)
├── DataError          a file or a line of input cannot be used                 (ValueError)
├── CheckpointError    a saved model is missing, damaged, or of another format  (RuntimeError)
├── UnsupportedError   this model or engine lacks what was asked                (RuntimeError)
├── MissingExtraError  an optional dependency is not installed                  (ImportError)
├── ResourceError      the machine lacks disk or memory                         (OSError)
└── TrainingError      the training failed: the loss is no longer a number      (ArithmeticError)
"""

import errno
import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import ClassVar


class RegardError(Exception):
    """Base class; reads as "where: problem (hint)"."""

    exit_code: ClassVar[int] = 2
    """What the command line exits with: 2 for what the user can mend, 1 when machine or training fails."""

    def __init__(self, problem: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(problem)
        self.problem, self.where, self.hint = problem, where, hint

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        return f"{place}{self.problem}" + (f" ({self.hint})" if self.hint else "")

    def within(self, outer: str) -> "RegardError":
        """Return the same error with its place seen from outside."""
        where = ".".join(filter(None, (outer, self.where)))
        return type(self)(self.problem, where=where, hint=self.hint)


class UsageError(RegardError, ValueError):
    """The command line cannot be understood."""


class ConfigError(RegardError, ValueError):
    """A setting is unknown, of the wrong type, or impossible."""


class DataError(RegardError, ValueError):
    """A file or a line of input cannot be used."""


class CheckpointError(RegardError, RuntimeError):
    """A saved model is missing, damaged, or of another format."""


class UnsupportedError(RegardError, RuntimeError):
    """This model or engine lacks what was asked."""


class MissingExtraError(RegardError, ImportError):
    """An optional dependency is not installed."""


class ResourceError(RegardError, OSError):
    """The machine lacks disk or memory."""

    exit_code = 1


class TrainingError(RegardError, ArithmeticError):
    """The training failed: the loss is no longer a number."""

    exit_code = 1


def import_extra(module: str, extra: str) -> ModuleType:
    """Import an optional package, which an extra of ours brings, or say how to get it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        hint = f"pip install {package.replace('_', '-')}"
        raise MissingExtraError(f"the package {package!r} is not installed", where=extra, hint=hint) from error


@contextmanager
def writing(path: object) -> Iterator[None]:
    """Turn what can go wrong while writing `path` into an error of ours.

    Raises ResourceError when the disk is full, DataError when the place cannot be written.
    """
    try:
        yield
    except OSError as error:
        if isinstance(error, RegardError):
            raise
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO):
            hint = "free some space and run the same command again; what was saved before is whole"
            raise ResourceError(f"cannot be written: {error.strerror}", where=str(path), hint=hint) from error
        if isinstance(error, BrokenPipeError):
            raise
        hint = "choose another place or change its permissions"
        raise DataError(f"cannot be written: {error.strerror or error}", where=str(path), hint=hint) from error
