"""What was measured of a model on pairs, kept in its run folder: measuring it again would give the same.

A file is named for what was measured and for a checksum of model, pairs and settings, so that nothing is taken for what
it is not. A model folder outside a run, or a run that cannot be written, keeps nothing.
"""

import hashlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from regard.errors import RegardError
from regard.files import read_json, write_json
from regard.model_folder import ModelFolder

FORMAT = 2
"""Version of what is kept; what another version kept is measured again."""


def remembered(
    folder: ModelFolder,
    name: str,
    texts: Iterable[str],
    measure: Callable[[], dict[str, Any]],
) -> dict[str, Any]:
    """Return what `measure` gives, or what it gave before for the same model and texts.

    `texts` are the pairs, and whatever else the result depends on.
    """
    file = _file(folder, name, texts)
    if file is not None and file.is_file():
        with suppress(RegardError):  # damaged: it is measured again
            kept = read_json(file)
            if isinstance(kept, dict):
                return kept
    found = measure()
    if file is not None:
        with suppress(RegardError, OSError):  # a folder that is for reading only
            file.parent.mkdir(exist_ok=True)
            write_json(file, found)
    return found


def _file(folder: ModelFolder, name: str, texts: Iterable[str]) -> Path | None:
    run = folder.path.absolute().parent
    if not (run / "status.json").is_file():
        return None
    digest = hashlib.sha256(f"{FORMAT}\n".encode() + (folder.path / "manifest.json").read_bytes())
    for text in texts:
        digest.update(text.encode("utf-8", "surrogatepass") + b"\0")
    return run / "inspection" / f"{name}-{digest.hexdigest()[:16]}.json"
