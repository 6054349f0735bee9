"""What the commands that answer line by line have in common: numbers for JSON, and notes about single lines."""

import math
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

FATES = {
    "refused": "left out, being too long",
    "cut": "cut, being too long",
    "split": "translated in parts, being too long",
    "unfinished": "whose translation was cut off by the length limit",
}
"""What is told of a line at the end."""

EXAMPLES = 5


def finite(number: float) -> float | None:
    """Return a number for JSON, which has no name for what is none."""
    return number if math.isfinite(number) else None


@dataclass
class Notes:
    """Which lines a reader should know of."""

    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def add(self, line: int, fates: Iterable[str]) -> None:
        """Take down what became of a line; what is not one of FATES needs no note."""
        for fate in FATES.keys() & fates:
            self.counts[fate] += 1
            if self.counts[fate] <= EXAMPLES:
                self.examples[fate].append(str(line))

    def show(self) -> None:
        """Print a line for each fate, with the first few lines that met it, on stderr."""
        if sys.stderr is None:  # closed by who started us; print would turn to stdout
            return
        for fate, words in FATES.items():
            if count := self.counts[fate]:
                lines, more = ("line" if count == 1 else "lines"), (" ..." if count > EXAMPLES else "")
                print(f"note: {count} {lines} {words}: {', '.join(self.examples[fate])}{more}", file=sys.stderr)
