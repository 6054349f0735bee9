"""What is known of a layout of theirs: how to read it, how to write it."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from regard.interop.huggingface.files import HubFolder
from regard.interop.huggingface.vocabularies import Rows
from regard.model_folder import ModelFolder
from regard.models.configs import TransformerConfig

if TYPE_CHECKING:
    from torch import Tensor


class Architecture(NamedTuple):
    """How to read a model: first its config, then its weights for that config and an order of tokens."""

    config: Callable[[HubFolder], TransformerConfig]
    weights: "Callable[[HubFolder, TransformerConfig, Rows], dict[str, Tensor]]"


class Target(NamedTuple):
    """How to write a model of ours: what is lacking there, then its config, its weights, its tokenizers."""

    name: str
    hint: str  # what it takes
    lacking: Callable[[ModelFolder, TransformerConfig], list[str]]
    config: Callable[[ModelFolder, TransformerConfig], dict[str, Any]]
    weights: "Callable[[ModelFolder, TransformerConfig], dict[str, Tensor]]"
    write_tokenizers: Callable[[Path, ModelFolder], None]
