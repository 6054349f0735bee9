"""What is known of a layout of theirs."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from regard.interop.huggingface.files import HubFolder
from regard.interop.huggingface.vocabularies import Rows
from regard.models.configs import TransformerConfig

if TYPE_CHECKING:
    from torch import Tensor


class Architecture(NamedTuple):
    """How to read a model: first its config, then its weights for that config and an order of tokens."""

    config: Callable[[HubFolder], TransformerConfig]
    weights: "Callable[[HubFolder, TransformerConfig, Rows], dict[str, Tensor]]"
