"""Models of this package run by torch: any family, any search. The reference for other engines.

Axes    B sentences · T target positions · E models of the ensemble
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from regard.data.batch import Batch, PaddedTokens
from regard.decoding.ensemble import Ensemble
from regard.decoding.search import Found, search
from regard.decoding.types import BeamConfig, DecodingConfig, Hypothesis
from regard.errors import ConfigError, UnsupportedError
from regard.inference.engine import FEATURES, Tokens, forced_ids, precision_of, windows
from regard.model_folder import ModelFolder
from regard.models.device import device_called
from regard.text.sides import Sides

PRECISIONS = ("float32", "bfloat16")

SEARCH_TOKENS = 2048
"""Source tokens per batch, padding included and counted once for each row that a search keeps of a sentence.

More are slower on a processor: what a step works on leaves its cache.
"""

SCORE_TOKENS = 2048
"""Tokens of the longer side per batch; fewer, since all logits exist at the same time."""


class TorchEngine:
    """Runs one model, or the mean of several: what can be stepped, and when called gives the logits of a batch."""

    name: ClassVar[str] = "torch"

    def __init__(self, models: Sequence[Any], sides: Sides, device: torch.device | None = None) -> None:
        self.models, self.sides, self.device = tuple(models), sides, device or torch.device("cpu")

    @classmethod
    def load(
        cls,
        folders: Sequence[ModelFolder],
        *,
        threads: int | None = None,
        device: str = "cpu",
        precision: str | None = None,
    ) -> "TorchEngine":
        dtype = getattr(torch, precision_of(cls.name, precision, PRECISIONS))
        use_threads(threads)
        check_same_vocabularies(folders)
        place = device_called(device)
        return cls([folder.load_model().to(place, dtype) for folder in folders], folders[0].sides, place)

    @property
    def supports(self) -> frozenset[str]:
        return FEATURES

    def translate(
        self,
        sources: Iterable[Tokens],
        config: DecodingConfig,
        prefixes: Iterable[Tokens] | None = None,
        keys: Iterable[int] | None = None,
    ) -> Iterator[list[Hypothesis]]:
        forced = ((source, ()) for source in sources) if prefixes is None else zip(sources, prefixes, strict=True)
        named = enumerate(forced) if keys is None else zip(keys, forced, strict=True)
        for window in windows(named):
            yield from self._search([(self._source(s), self._prefix(p), key) for key, (s, p) in window], config)

    def score(self, pairs: Iterable[tuple[Tokens, Tokens]]) -> Iterator[tuple[float, ...]]:
        for window in windows(pairs):
            yield from self._score([(self._source(s), self.sides.target.vocabulary.ids(t)) for s, t in window])

    def _source(self, tokens: Tokens) -> list[int]:
        return self.sides.source.vocabulary.ids(tokens)

    def _prefix(self, tokens: Tokens) -> list[int]:
        return forced_ids(self.sides.target.vocabulary, tokens)

    def _search(self, window: list[tuple[list[int], list[int], int]], config: DecodingConfig) -> list[list[Hypothesis]]:
        rows = config.beams if isinstance(config, BeamConfig) else config.n_best
        model = self.models[0] if len(self.models) == 1 else Ensemble(self.models)
        results: dict[int, list[Hypothesis]] = {}
        for batch in alike([len(ids) + 1 for ids, _, _ in window], SEARCH_TOKENS // rows):
            sources, prefixes, keys = zip(*(window[i] for i in batch), strict=True)
            found = search(model, PaddedTokens.sources(sources).to(self.device), config, prefixes, keys)
            results |= {i: [self._hypothesis(f) for f in one] for i, one in zip(batch, found, strict=True)}
        return [results[i] for i in range(len(window))]

    def _hypothesis(self, found: Found) -> Hypothesis:
        tokens = tuple(self.sides.target.vocabulary.tokens(found.ids))
        return Hypothesis(tokens, found.log_prob, found.score, found.ended, found.token_log_probs)

    def _score(self, window: list[tuple[list[int], list[int]]]) -> list[tuple[float, ...]]:
        results: dict[int, tuple[float, ...]] = {}
        for rows in alike([max(map(len, pair)) + 1 for pair in window], SCORE_TOKENS):
            sources, targets = zip(*(window[i] for i in rows), strict=True)
            log_probs = self._target_log_probs(Batch.of(sources, targets).to(self.device)).tolist()
            for i, target, row in zip(rows, targets, log_probs, strict=True):
                results[i] = tuple(row[: len(target) + 1])
        return [results[i] for i in range(len(window))]

    @torch.inference_mode()
    def _target_log_probs(self, batch: Batch) -> Float[Tensor, "B T"]:
        """Return the log-probability of every token of `target_out`, as the mean of the models' probabilities."""
        out_BT1 = batch.target_out[:, :, None]
        each_EBT = torch.stack(
            [model(batch).log_softmax(dim=-1, dtype=torch.float32).gather(2, out_BT1)[:, :, 0] for model in self.models]
        )
        return each_EBT.logsumexp(dim=0) - math.log(len(self.models))


def use_threads(threads: int | None) -> None:
    """Let torch compute with so many threads; with as many as before if it is not said.

    Raises ConfigError if that is none.
    """
    if threads is None:
        return
    if threads < 1:
        raise ConfigError(f"{threads} is below 1", where="threads", hint="one per core is most")
    torch.set_num_threads(threads)


def alike(lengths: Sequence[int], tokens: int) -> Iterator[list[int]]:
    """Yield batches of texts, by index: longest first, at most `tokens` each with padding, but one text at least."""
    batch: list[int] = []
    for i in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        if batch and (len(batch) + 1) * lengths[batch[0]] > tokens:
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch


def check_same_vocabularies(folders: Sequence[ModelFolder]) -> None:
    """Raise UnsupportedError unless all models read and write the same tokens under the same ids."""
    first, *others = folders
    for other in others:
        for side in ("source", "target"):
            ours, theirs = (getattr(folder.sides, side).vocabulary.entries for folder in (first, other))
            if ours != theirs:
                hint = f"train it with the tokenizers of {first.path}"
                problem = f"its {side} vocabulary is not that of {first.path}"
                raise UnsupportedError(problem, where=str(other.path), hint=hint)
