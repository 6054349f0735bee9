"""Where an engine finds a model in its own format: in the folder itself, within it, or exported for the occasion."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from regard.errors import DataError
from regard.interop import EXPORTS
from regard.model_folder import ModelFolder


@contextmanager
def exported(folder: ModelFolder, target: str, file: str) -> Iterator[Path]:
    """Yield a folder with the model as `regard export --to target` writes it, which has `file` in it.

    A model folder is exported into one of the target's name within it, which serves the next time, or where that cannot
    be written into one that is gone after the block.
    """
    kept = folder.path / target
    for path in (folder.path, kept):
        if (path / file).is_file():
            yield path
            return
    try:
        EXPORTS[target](folder, kept, ())
    except DataError:
        with TemporaryDirectory() as place:
            EXPORTS[target](folder, Path(place) / target, ())
            yield Path(place) / target
        return
    yield kept
