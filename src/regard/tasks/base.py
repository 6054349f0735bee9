"""A task: pairs for each split, and metrics. Training, decoding and evaluation know no task by name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from regard.data.pairs import Pair
from regard.metrics.alignments import Gold
from regard.registry import load_object
from regard.tasks.configs import TaskConfig
from regard.tasks.splits import Split


@dataclass(frozen=True, slots=True)
class Splits:
    """The pairs of a task; `report` says what was left out and why, ready for JSON."""

    train: Sequence[Pair]
    valid: Sequence[Pair]
    test: Sequence[Pair] = ()
    report: Mapping[str, Any] = field(default_factory=dict)


@runtime_checkable
class Task(Protocol):
    """Anything that can give splits."""

    def splits(self) -> Splits:
        """Read or make the pairs.

        Raises DataError if they cannot be used.
        """
        ...


@runtime_checkable
class AlignedTask(Task, Protocol):
    """A task that knows which words of its pairs belong together."""

    def aligned(self, split: Split) -> Sequence[tuple[Pair, Gold]]:
        """Return the pairs of a split, each with the alignment of its words as `text.words` counts them."""
        ...


def build_task(config: TaskConfig) -> Task:
    """Make the task that the config names."""
    task: Task = load_object(config.part)(config)
    return task
