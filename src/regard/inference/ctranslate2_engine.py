"""Models run by CTranslate2: quick on processors, with float32 or int8 weights. Its beam search has a rule of its own.

Scores are those of CTranslate2: log-probabilities among the tokens that may be written, and of whole outputs only.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar

from regard.decoding.types import DecodingConfig, Hypothesis
from regard.errors import UnsupportedError
from regard.inference.engine import Tokens, needed_for, precision_of, require, windows
from regard.inference.exported import exported
from regard.interop.ctranslate2.runtime import FoundIds, Runtime, reach
from regard.model_folder import ModelFolder

WEIGHTS = "model.bin"
"""The file that an exported folder has."""

PRECISIONS = ("float32", "int8")


class CTranslate2Engine:
    """Runs one Transformer."""

    name: ClassVar[str] = "ctranslate2"

    def __init__(self, runtime: Runtime, folder: ModelFolder) -> None:
        self._runtime, self._sides = runtime, folder.sides
        self._reach = reach(folder.settings)

    @classmethod
    def load(
        cls,
        folders: Sequence[ModelFolder],
        *,
        threads: int | None = None,
        device: str = "cpu",
        precision: str | None = None,
    ) -> "CTranslate2Engine":
        if lacking := [*["an ensemble"] * (len(folders) > 1), *[f"device {device!r}"] * (device != "cpu")]:
            hint = "use engine 'torch'"
            raise UnsupportedError(f"{', '.join(lacking)}: not supported", where=f"engine {cls.name!r}", hint=hint)
        folder, kind = folders[0], precision_of(cls.name, precision, PRECISIONS)
        with exported(folder, cls.name, WEIGHTS) as path:
            return cls(Runtime(path, folder.sides, precision=kind, threads=threads), folder)

    @property
    def supports(self) -> frozenset[str]:
        lengths = (f"length normalisation {name}" for name in ("none", "gnmt", "power"))
        return frozenset({"greedy search", "beam search", *lengths, "several hypotheses", "scoring"})

    def translate(
        self,
        sources: Iterable[Tokens],
        config: DecodingConfig,
        prefixes: Iterable[Tokens] | None = None,
        keys: Iterable[int] | None = None,
    ) -> Iterator[list[Hypothesis]]:
        forced = ((source, ()) for source in sources) if prefixes is None else zip(sources, prefixes, strict=True)
        for window in windows(forced):
            require(self, needed_for(config, prefix=any(prefix for _, prefix in window)))
            ids = [self._within_reach(self._sides.source.vocabulary.ids(source)) for source, _ in window]
            self._within_reach(range(max(map(config.limit, map(len, ids)))))
            for found in self._runtime.search(ids, config):
                yield [self._hypothesis(each) for each in found]

    def score(self, pairs: Iterable[tuple[Tokens, Tokens]]) -> Iterator[tuple[float, ...]]:
        source, target = self._sides.source.vocabulary, self._sides.target.vocabulary
        for window in windows(pairs):
            ids = [(self._within_reach(source.ids(s)), self._within_reach(target.ids(t))) for s, t in window]
            yield from self._runtime.score(ids)

    def _within_reach(self, ids: Sequence[int]) -> Sequence[int]:
        if len(ids) + 2 > self._reach:
            problem, hint = f"texts of {len(ids)} tokens: not supported", "use engine 'torch'"
            raise UnsupportedError(problem, where=f"engine {self.name!r}", hint=hint)
        return ids

    def _hypothesis(self, found: FoundIds) -> Hypothesis:
        tokens = tuple(self._sides.target.vocabulary.tokens(found.ids))
        return Hypothesis(tokens, found.log_prob, found.score, found.ended)
