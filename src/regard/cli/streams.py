"""Telling people things, who may have left in the meantime."""

import sys
from contextlib import suppress


def tell(line: str) -> None:
    """Print a line on stderr; a training goes on, and saves, whether or not anybody reads."""
    if sys.stderr is not None:
        with suppress(OSError):
            print(line, file=sys.stderr, flush=True)
