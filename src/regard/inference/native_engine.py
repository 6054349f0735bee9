"""The Transformer decoded by the native library: no torch, a worker per thread, in float32, bfloat16 or int8.

Finds what the torch engine finds, on the same weights: `decoding/beam.py` says by which rules.
"""

import math
import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import ClassVar

from regard.decoding.types import (
    BeamConfig,
    DecodingConfig,
    Hypothesis,
    LengthNormalisation,
    NoNormalisation,
    SamplingConfig,
)
from regard.errors import ConfigError, UnsupportedError
from regard.inference.engine import FEATURES, WINDOW, Tokens, forced_ids, precision_of
from regard.inference.packed import PRECISIONS, TABLES, pack
from regard.inference.shortlist import Shortlist
from regard.model_folder import ModelFolder
from regard.models.configs import ModelConfig, TransformerConfig
from regard.native import decoder as structs
from regard.native.decoder import (
    ACTIVATIONS,
    LENGTHS,
    NORMS,
    POSITIONS,
    SEARCHES,
    Decoder,
    Options,
    Written,
    decoding_set,
)
from regard.native.library import native
from regard.text.sides import Sides
from regard.text.vocabulary import EOS


class NativeEngine:
    """Runs one Transformer."""

    name: ClassVar[str] = "native"

    def __init__(self, decoder: Decoder, sides: Sides) -> None:
        self.decoder, self.sides = decoder, sides

    @classmethod
    def load(
        cls,
        folders: Sequence[ModelFolder],
        *,
        threads: int | None = None,
        device: str = "cpu",
        precision: str | None = None,
        shortlist: bool = False,
    ) -> "NativeEngine":
        """Load the model; with a shortlist, think only of the output tokens that its folder lists for a source."""
        if threads is not None and threads < 1:
            raise ConfigError(f"{threads} is below 1", where="threads", hint="one per core is most")
        if device != "cpu":
            raise _unsupported(f"device {device!r}")
        if len(folders) > 1:
            raise _unsupported("an ensemble")
        chosen = precision_of(cls.name, precision, tuple(PRECISIONS))
        folder = folders[0]
        if problem := obstacle(folder.settings.model):
            raise _unsupported(problem)
        model, kept = pack(folder, chosen)
        if shortlist:
            listed = Shortlist.open(folder)
            kept = (kept, listed)
            places = (part.buffer_info()[0] for part in (listed.common, listed.first, listed.listed))
            model.shortlist = structs.Shortlist(len(listed.common), *places)
        return cls(Decoder(model, kept, threads or _cores()), folder.sides)

    @property
    def supports(self) -> frozenset[str]:
        return FEATURES - {"an ensemble"}

    def translate(
        self,
        sources: Iterable[Tokens],
        config: DecodingConfig,
        prefixes: Iterable[Tokens] | None = None,
        keys: Iterable[int] | None = None,
    ) -> Iterator[list[Hypothesis]]:
        options, length = _options(config), _length(config)
        forced = ((source, ()) for source in sources) if prefixes is None else zip(sources, prefixes, strict=True)
        named = enumerate(forced) if keys is None else zip(keys, forced, strict=True)
        jobs = (
            self.decoder.submit(self._source(source), self._prefix(prefix), config.limit(len(source)), options, key=key)
            for key, (source, prefix) in named
        )
        return (self._found(written, config, length) for written in _Answers(self.decoder, jobs))

    def score(self, pairs: Iterable[tuple[Tokens, Tokens]]) -> Iterator[tuple[float, ...]]:
        options = Options(beams=1, n_best=1)
        ids = self.sides.target.vocabulary.ids
        submit = self.decoder.submit
        jobs = (submit(self._source(source), ids(target), len(target), options, ends=True) for source, target in pairs)
        return (tuple(written[0].log_probs) for written in _Answers(self.decoder, jobs))

    def _source(self, tokens: Tokens) -> list[int]:
        return [*self.sides.source.vocabulary.ids(tokens), EOS]

    def _prefix(self, tokens: Tokens) -> list[int]:
        return forced_ids(self.sides.target.vocabulary, tokens)

    def _found(
        self, written: Iterable[Written], config: DecodingConfig, length: LengthNormalisation
    ) -> list[Hypothesis]:
        hypotheses = [self._hypothesis(each, length) for each in written]
        if not isinstance(config, SamplingConfig):
            hypotheses.sort(key=lambda h: (not h.ended, -h.score))
        return hypotheses[: config.n_best]

    def _hypothesis(self, written: Written, length: LengthNormalisation) -> Hypothesis:
        tokens = tuple(self.sides.target.vocabulary.tokens(written.ids))
        log_prob = math.fsum(written.log_probs)
        score = log_prob / length.divisor(len(written.log_probs))
        return Hypothesis(tokens, log_prob, score, written.ended, tuple(written.log_probs))


class _Answers:
    """The answers to jobs, in order; at most WINDOW are on their way, and the first ones before anyone asks."""

    def __init__(self, decoder: Decoder, jobs: Iterator[int]) -> None:
        self._decoder, self._jobs = decoder, jobs
        self._under_way = deque[int]()
        self._under_way.extend(islice(jobs, WINDOW - 1))

    def __iter__(self) -> "_Answers":
        return self

    def __next__(self) -> list[Written]:
        self._under_way.extend(islice(self._jobs, 1))
        if not self._under_way:
            raise StopIteration
        return self._decoder.wait(self._under_way.popleft())

    def __del__(self) -> None:
        for number in self._under_way:
            self._decoder.forget(number)


def obstacle(config: ModelConfig) -> str:
    """Return why the native engine cannot run such a model here, or "" if it can."""
    if not decoding_set():
        return f"this machine ({native().reason})"
    if not isinstance(config, TransformerConfig):
        return f"the family {config.kind!r}"
    parts = {
        "positions": POSITIONS,
        "norm": NORMS,
        "residual": ("post-norm", "pre-norm"),
        "feed_forward": ACTIVATIONS,
        "embeddings": TABLES,
        "ngrams": ("none", "source"),
        "copying": ("none", "source"),
    }
    for part, kinds in parts.items():
        if (kind := getattr(config, part).kind) not in kinds:
            return f"{part}={kind!r}"
    return ""


def _options(config: DecodingConfig) -> Options:
    options = Options(
        kind=SEARCHES[config.kind],
        beams=1,
        n_best=config.n_best,
        min_length=config.min_length,
        no_repeat=config.no_repeat,
    )
    if isinstance(config, BeamConfig):
        options.beams, options.length_kind = config.beams, LENGTHS[config.length.kind]
        options.length_alpha = getattr(config.length, "alpha", 0.0)
    if isinstance(config, SamplingConfig):
        options.temperature, options.seed = config.temperature, config.seed
        options.top_k, options.top_p = config.top_k, config.top_p
    return options


def _length(config: DecodingConfig) -> LengthNormalisation:
    return config.length if isinstance(config, BeamConfig) else NoNormalisation()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _unsupported(problem: str) -> UnsupportedError:
    return UnsupportedError(f"{problem}: not supported", where="engine 'native'", hint="use engine 'torch'")
