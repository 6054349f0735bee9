"""Any pairs from files: translation, summaries, pronunciations, whatever stands in them."""

from regard.tasks.configs import FilesConfig


class Files:
    """Reads pairs, leaves out those that cannot be learnt from, and holds a part out if none is given."""

    def __init__(self, config: FilesConfig) -> None:
        self.config = config
