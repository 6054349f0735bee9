"""Any pairs from files: translation, summaries, pronunciations, whatever stands in them."""

from pathlib import Path
from typing import Any

from regard.data.clean import CleaningConfig, clean, hold_out
from regard.data.pairs import PairFiles, read_pairs
from regard.tasks.base import Splits
from regard.tasks.configs import FilesConfig


class Files:
    """Reads pairs, leaves out those that cannot be learnt from, and holds a part out if none is given."""

    def __init__(self, config: FilesConfig) -> None:
        self.config = config
