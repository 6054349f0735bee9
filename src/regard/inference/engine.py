"""What a Translator needs of the thing that runs a model: token strings in, token strings out; no torch."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Protocol, TypeVar, runtime_checkable

from regard.decoding import LENGTHS, SEARCHES
from regard.decoding.types import BeamConfig, DecodingConfig, Hypothesis
from regard.errors import DataError, UnsupportedError
from regard.model_folder import ModelFolder
from regard.text.vocabulary import UNK, Vocabulary

T = TypeVar("T")
Tokens = Sequence[str]

WINDOW = 2048
"""Texts that are read ahead, so that those of like length can be translated together."""

FEATURES = frozenset(
    {
        *(f"{search} search" for search in SEARCHES),
        *(f"length normalisation {length}" for length in LENGTHS),
        *("several hypotheses", "a minimum length", "blocked repetition"),
        *("a forced prefix", "an ensemble", "scoring", "token log-probabilities"),
    }
)
"""All that an engine may be asked for."""


@runtime_checkable
class Engine(Protocol):
    """Runs one model, or several as one."""

    @property
    def name(self) -> str:
        """What it is called in ENGINES."""
        ...

    @classmethod
    def load(
        cls,
        folders: Sequence[ModelFolder],
        *,
        threads: int | None = None,
        device: str = "cpu",
        precision: str | None = None,
    ) -> "Engine":
        """Load the model of a folder, or an ensemble of several; `threads` may hold for the whole process.

        `precision` is what it computes in: by default, and with every engine, float32.
        Raises CheckpointError if weights are damaged, UnsupportedError if models do not go together, or if it has no
        such device or precision.
        """
        ...

    @property
    def supports(self) -> frozenset[str]:
        """Those of FEATURES that it has."""
        ...

    def translate(
        self,
        sources: Iterable[Tokens],
        config: DecodingConfig,
        prefixes: Iterable[Tokens] | None = None,
        keys: Iterable[int] | None = None,
    ) -> Iterator[list[Hypothesis]]:
        """Yield the hypotheses of each source, best first, in order; reads at most WINDOW sources ahead.

        Each output starts with its prefix. Samples are a function of the seed and the source's key (by default its
        position), so that a source is given the same sample in any company.
        Raises DataError if a prefix has a token that the model cannot write.
        """
        ...

    def score(self, pairs: Iterable[tuple[Tokens, Tokens]]) -> Iterator[tuple[float, ...]]:
        """Yield the log-probabilities, in nats, of each target's tokens and of EOS, in order; reads ahead likewise."""
        ...


def windows(items: Iterable[T], size: int = WINDOW) -> Iterator[list[T]]:
    """Yield the items in lists of `size`, the last one shorter; nothing is read before it is needed."""
    iterator = iter(items)
    while window := list(islice(iterator, size)):
        yield window


def needed_for(config: DecodingConfig, *, prefix: bool) -> frozenset[str]:
    """Return those of FEATURES that a search needs."""
    needed = {f"{config.kind} search"}
    if isinstance(config, BeamConfig):
        needed.add(f"length normalisation {config.length.kind}")
    asked = {
        "several hypotheses": config.n_best > 1,
        "a minimum length": config.min_length > 0,
        "blocked repetition": config.no_repeat > 0,
        "a forced prefix": prefix,
    }
    return frozenset(needed | {feature for feature, wanted in asked.items() if wanted})


def precision_of(engine: str, asked: str | None, known: Sequence[str]) -> str:
    """Return the precision asked for, by default the first of those that an engine has.

    Raises UnsupportedError if it has no such precision.
    """
    if asked is not None and asked not in known:
        hint = f"it has {', '.join(known)}"
        raise UnsupportedError(f"precision {asked!r}: not supported", where=f"engine {engine!r}", hint=hint)
    return asked or known[0]


def forced_ids(vocabulary: Vocabulary, tokens: Tokens) -> list[int]:
    """Return the ids of what an output must start with.

    Raises DataError if the model cannot write one of the tokens.
    """
    ids = vocabulary.ids(tokens)
    if UNK in ids:
        unknown = tokens[ids.index(UNK)]
        hint = "force only what occurs in the training targets"
        raise DataError(f"the model cannot write {unknown!r}", where="prefix", hint=hint)
    return ids


def require(engine: Engine, features: Iterable[str]) -> None:
    """Raise UnsupportedError, naming what is lacking, unless the engine has all these features."""
    if lacking := sorted(set(features) - engine.supports):
        hint = "use engine 'torch'"
        raise UnsupportedError(f"{', '.join(lacking)}: not supported", where=f"engine {engine.name!r}", hint=hint)
