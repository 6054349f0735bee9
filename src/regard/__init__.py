"""regard: pairs of texts to a trained, measured, translating encoder-decoder Transformer.

    run = regard.train("pairs.tsv", out="runs/mine")
    translator = regard.Translator.load(run)
    translator.translate("A sentence.").text
    regard.evaluate(run, "test.tsv")

Names are loaded when they are first used: importing the package imports no torch.
"""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

__all__ = ["train", "evaluate", "Translator", "Translation", "Run", "Pair", "RegardError", "__version__"]

if TYPE_CHECKING:
    from regard.api import evaluate, train
    from regard.data.pairs import Pair
    from regard.errors import RegardError
    from regard.inference.translation import Translation
    from regard.inference.translator import Translator
    from regard.run import Run

_HOMES = {
    "train": "regard.api",
    "evaluate": "regard.api",
    "Translator": "regard.inference.translator",
    "Translation": "regard.inference.translation",
    "Run": "regard.run",
    "Pair": "regard.data.pairs",
    "RegardError": "regard.errors",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name not in _HOMES:
        raise AttributeError(f"module 'regard' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return __all__
