"""Any pairs from files: translation, summaries, pronunciations, whatever stands in them."""

from collections.abc import Mapping, Sequence
from typing import Any

from regard.data.clean import CleaningConfig, clean, drop_leaks, hold_out
from regard.data.pairs import Pair, PairFiles, read_pairs
from regard.errors import DataError
from regard.tasks.base import Splits
from regard.tasks.configs import FilesConfig

_SHOWN = 5  # line numbers in a sentence


class Files:
    """Reads pairs, leaves out those that cannot be learnt from, and holds a part out if none is given."""

    def __init__(self, config: FilesConfig) -> None:
        self.config = config

    def splits(self) -> Splits:
        """Read the pairs; the report counts every line that is left out, by reason."""
        c = self.config
        cleaning = CleaningConfig(drop_duplicates=c.drop_duplicates)
        read = read_pairs(self._files(c.train, c.train_target))
        cleaned = clean(read, cleaning)
        if not c.valid:
            train, valid = hold_out(cleaned.kept)
            return Splits(train, valid, report=report(read, cleaned.dropped, train, valid))
        held = read_pairs(self._files(c.valid, c.valid_target))
        of_valid = clean(held)
        valid = of_valid.kept
        if not valid:
            raise DataError("no pair has text on both sides", where=c.valid, hint="look at it with regard check")
        leaks = drop_leaks(cleaned.kept, valid)
        if not leaks.kept:
            raise DataError("no pair is left to learn from", where=c.train, hint="look at it with regard check")
        counts = report(read, cleaned.dropped | leaks.dropped, leaks.kept, valid)
        return Splits(leaks.kept, valid, report=counts | {"valid_read": len(held), "valid_dropped": of_valid.dropped})

    def _files(self, path: str, target: str) -> PairFiles:
        if target:
            return PairFiles(source=path, target=target)
        return PairFiles(path=path, columns=self.config.columns, fields=self.config.fields)


def report(
    read: Sequence[Pair], dropped: Mapping[str, Sequence[int]], train: Sequence[Pair], valid: Sequence[Pair]
) -> dict[str, Any]:
    """Return counts that add up, ready for JSON, and the same in sentences."""
    lines = [
        f"{len(where):,} left out, {reason}: line{'s' * (len(where) > 1)} {', '.join(map(str, where[:_SHOWN]))}"
        + (" ..." if len(where) > _SHOWN else "")
        for reason, where in dropped.items()
    ]
    counts = {"read": len(read), "dropped": dict(dropped), "train": len(train), "valid": len(valid)}
    return counts | {"lines": lines}


def task_settings(pairs: PairFiles, valid: PairFiles | None = None) -> dict[str, Any]:
    """Return the settings of the task that learns from `pairs`."""
    settings: dict[str, Any] = {"kind": "files", "train": pairs.path or pairs.source}
    paths = {"train_target": pairs.target}
    if valid:
        paths |= {"valid": valid.path or valid.source, "valid_target": valid.target}
    chosen = {"columns": list(pairs.columns), "fields": list(pairs.fields)}
    return settings | {name: value for name, value in (paths | chosen).items() if value}
