"""Exported models at work: ids in, hypotheses out. The one door to the library.

CTranslate2 has a beam search of its own: an ended hypothesis makes room for the next best, and a sentence is over when
as many have ended as there are beams. Its log-probabilities are those among the tokens that may be written.
"""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regard.decoding.types import BeamConfig, DecodingConfig, GnmtNormalisation
from regard.errors import CheckpointError, ConfigError, import_extra
from regard.model_folder import ModelSettings
from regard.text.sides import Sides
from regard.text.vocabulary import BOS, EOS, PAD, SPECIAL

BATCH_TOKENS = 2048
"""Source tokens per batch, counted once for each beam."""

_NEARLY_NONE = 1e-6
"""An exponent that leaves scores as they are; with 0 the search would stop sooner, which other scores do not allow."""


@dataclass(frozen=True, slots=True)
class FoundIds:
    """A decoded sequence in ids; see `regard.decoding.types.Hypothesis`."""

    ids: tuple[int, ...]
    log_prob: float
    score: float
    ended: bool


def reach(settings: ModelSettings) -> int:
    """Return how many positions an exported model has."""
    return 2 + max(1024, settings.text.longest_source, settings.decoding.max_length)


def names(sides: Sides) -> tuple[list[str], list[str]]:
    """Return what tokens of source and target are called in the files, by id: every name once.

    They are the tokens themselves; special ones have other names where a learnt token is called like one of them.
    """
    entries = [side.vocabulary.entries for side in (sides.source, sides.target)]
    learnt, special = {name for each in entries for name in each[len(SPECIAL) :]}, list(SPECIAL)
    while not learnt.isdisjoint(special):
        special = [f"<{name}>" for name in special]
    source, target = ([*special, *each[len(SPECIAL) :]] for each in entries)
    return source, target


class Runtime:
    """An exported model that is ready to run."""

    def __init__(self, path: Path, sides: Sides, *, precision: str = "float32", threads: int | None = None) -> None:
        """Load the files at `path`; each of the `threads` (by default one per core) works on sentences of its own.

        Weights become what `precision` says, float32 or int8; files have them in float32.
        Raises CheckpointError if the files cannot be read, ConfigError if there is no thread, MissingExtraError.
        """
        if threads is not None and threads < 1:
            raise ConfigError(f"{threads} is below 1", where="threads", hint="one per core is most")
        library = import_extra("ctranslate2", "ctranslate2")
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        try:
            self._translator = library.Translator(
                str(path), device="cpu", compute_type=precision, inter_threads=threads or cores, intra_threads=1
            )
        except RuntimeError as error:
            raise CheckpointError(f"cannot be read: {error}", where=str(path), hint="export the model again") from None
        self._source, self._target = names(sides)
        self._ids = {name: number for number, name in enumerate(self._target)}

    def search(self, sources: Sequence[Sequence[int]], config: DecodingConfig) -> list[list[FoundIds]]:
        """Return the hypotheses of each source, best first, by greedy or beam search."""
        limits = [config.limit(len(source)) for source in sources]
        groups: dict[int, list[int]] = {}
        for i, limit in enumerate(limits):
            groups.setdefault(limit.bit_length(), []).append(i)
        jobs = [
            (i, job)
            for group in groups.values()
            for i, job in zip(group, self._start(sources, group, config, max(limits[i] for i in group)), strict=True)
        ]
        found = {i: self._hypotheses(job.result(), config) for i, job in jobs}
        for i, hypotheses in found.items():
            if any(len(h.ids) > limits[i] for h in hypotheses):  # as the search goes on up to the limit of its group
                (job,) = self._start(sources, [i], config, limits[i])
                found[i] = self._hypotheses(job.result(), config)
        return [found[i] for i in range(len(sources))]

    def score(self, pairs: Sequence[tuple[Sequence[int], Sequence[int]]]) -> list[tuple[float, ...]]:
        """Return the log-probabilities, in nats, of each target's tokens and of EOS."""
        sources = [self._named(source) for source, _ in pairs]
        targets = [[self._target[i] for i in target] for _, target in pairs]
        limits: dict[str, Any] = {"max_batch_size": BATCH_TOKENS, "batch_type": "tokens", "max_input_length": 0}
        return [tuple(result.log_probs) for result in self._translator.score_batch(sources, targets, **limits)]

    def _named(self, source: Iterable[int]) -> list[str]:
        return [self._source[i] for i in (*source, EOS)]

    def _start(
        self, sources: Sequence[Sequence[int]], chosen: Sequence[int], config: DecodingConfig, limit: int
    ) -> list[Any]:
        """Start to search for outputs of up to `limit` tokens; return what will have the result of each."""
        beams = config.beams if isinstance(config, BeamConfig) else 1
        jobs: list[Any] = self._translator.translate_batch(
            [self._named(sources[i]) for i in chosen],
            asynchronous=True,
            max_batch_size=max(1, BATCH_TOKENS // beams),
            batch_type="tokens",
            beam_size=beams,
            num_hypotheses=beams if _rescored(config) else config.n_best,
            length_penalty=_exponent(config),
            max_input_length=0,
            max_decoding_length=limit,
            min_decoding_length=0,
            disable_unk=True,
            suppress_sequences=[[self._target[PAD]], [self._target[BOS]]],
            return_scores=True,
            return_end_token=True,
        )
        return jobs

    def _hypotheses(self, result: Any, config: DecodingConfig) -> list[FoundIds]:
        length, found = config.length if isinstance(config, BeamConfig) else None, []
        for tokens, score in zip(result.hypotheses, result.scores, strict=True):
            ids = [self._ids[token] for token in tokens]
            log_prob = score * max(len(ids), 1) ** _exponent(config)
            normalised = log_prob / length.divisor(len(ids)) if length else log_prob
            ended = bool(ids) and ids[-1] == EOS
            found.append(FoundIds(tuple(ids[:-1] if ended else ids), log_prob, normalised, ended))
        return sorted(found, key=lambda h: (not h.ended, -h.score))[: config.n_best]


def _exponent(config: DecodingConfig) -> float:
    """Return which power of the length it is to divide log-probabilities by."""
    if not isinstance(config, BeamConfig):
        return 0.0
    return _NEARLY_NONE if _rescored(config) else getattr(config.length, "alpha", 0.0)


def _rescored(config: DecodingConfig) -> bool:
    """Whether hypotheses are ranked here, since it has no such length normalisation."""
    return isinstance(config, BeamConfig) and isinstance(config.length, GnmtNormalisation)
