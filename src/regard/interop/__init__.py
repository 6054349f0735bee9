"""Models of other programs, both ways; this file holds only names.

A row of EXPORTS is a function `(folder: ModelFolder, destination: Path, samples: Sequence[str]) -> dataclass`. It
refuses by name what the target cannot take (UnsupportedError), writes the folder `destination` whole or not at all,
compares the result with the model on the samples before that, and tells in the dataclass what was written and compared.
"""

from regard.registry import Registry

EXPORTS = Registry(
    "export",
    {
        "huggingface": "regard.interop.huggingface.export:export",
        "ctranslate2": "regard.interop.ctranslate2.export:export",
        "onnx": "regard.interop.onnx.export:export",
    },
)
