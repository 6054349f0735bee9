"""Which pairs to learn from, and how to judge what is written; no torch."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from regard.config import at_least, between, seed
from regard.errors import ConfigError
from regard.metrics import METRICS


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskConfig:
    """What every task's config has: its name in a config file, the class it stands for, and its metrics."""

    kind: ClassVar[str]
    part: ClassVar[str]

    metrics: tuple[str, ...] = ("bleu", "chrf")  # names of regard.metrics; at each validation and by `evaluate`
    pooled: bool = False  # pairs with the same source are alternatives of one another when outputs are judged

    def anywhere(self) -> "TaskConfig":
        """Return the same task in a form that holds whatever the current folder is."""
        return self

    def __post_init__(self) -> None:
        """Refuse metrics that do not exist."""
        for i, name in enumerate(self.metrics):
            try:
                METRICS[name]
            except ConfigError as error:
                raise error.within(f"metrics[{i}]") from None
        if not self.metrics:
            raise ConfigError("is empty", where="metrics", hint="such as ['bleu', 'chrf']")


@dataclass(frozen=True, kw_only=True, slots=True)
class FilesConfig(TaskConfig):
    """Pairs from files: one TSV, one JSONL, or two line-aligned files; plain or .gz."""

    kind: ClassVar[str] = "files"
    part: ClassVar[str] = "regard.tasks.files:Files"

    train: str  # TSV or JSONL; with `train_target`, the sources alone
    train_target: str = ""
    valid: str = ""  # empty: a part of `train` is held out
    valid_target: str = ""
    columns: tuple[int, ...] = ()  # of a TSV, from 1: source and target; empty: it has but two
    fields: tuple[str, ...] = ()  # of a JSONL, if not "source" and "target"
    drop_duplicates: bool = False  # learn from a pair that occurs several times only once

    def anywhere(self) -> "FilesConfig":
        """Return the same with absolute paths."""
        names = ("train", "train_target", "valid", "valid_target")
        paths: dict[str, Any] = {n: str(Path(getattr(self, n)).absolute()) for n in names if getattr(self, n)}
        return replace(self, **paths)


@dataclass(frozen=True, kw_only=True, slots=True)
class PhrasebookConfig(TaskConfig):
    """Phrases in two languages, made on the fly from CLDR."""

    kind: ClassVar[str] = "phrasebook"
    part: ClassVar[str] = "regard.tasks.phrasebook:Phrasebook"

    metrics: tuple[str, ...] = ("exact_match", "chrf")
    source: str = "en"  # locales that Babel knows
    target: str = "de"
    seed: int = 1
    train: int = 40_000  # pairs of each split
    valid: int = 500
    test: int = 1000

    def __post_init__(self) -> None:
        """Refuse empty splits."""
        TaskConfig.__post_init__(self)
        at_least(self, 1, "train", "valid", "test")
        seed(self)


@dataclass(frozen=True, kw_only=True, slots=True)
class SyntheticConfig(TaskConfig):
    """Strings of letters and what becomes of them: tasks whose answer is known."""

    metrics: tuple[str, ...] = ("exact_match", "token_accuracy")
    seed: int = 1
    train: int = 50_000  # pairs of each split
    valid: int = 500
    test: int = 500
    symbols: int = 26
    shortest: int = 4  # symbols
    longest: int = 20

    def __post_init__(self) -> None:
        """Refuse strings that cannot be made."""
        TaskConfig.__post_init__(self)
        at_least(self, 1, "train", "valid", "test")
        seed(self)
        between(self, 2, 26, "symbols")
        between(self, 1, self.longest, "shortest")


@dataclass(frozen=True, kw_only=True, slots=True)
class CopyConfig(SyntheticConfig):
    """The same string."""

    kind: ClassVar[str] = "copy"
    part: ClassVar[str] = "regard.tasks.synthetic:Copy"


@dataclass(frozen=True, kw_only=True, slots=True)
class ReverseConfig(SyntheticConfig):
    """The string from its end."""

    kind: ClassVar[str] = "reverse"
    part: ClassVar[str] = "regard.tasks.synthetic:Reverse"


@dataclass(frozen=True, kw_only=True, slots=True)
class SortConfig(SyntheticConfig):
    """Its letters in the order of the alphabet."""

    kind: ClassVar[str] = "sort"
    part: ClassVar[str] = "regard.tasks.synthetic:Sort"
