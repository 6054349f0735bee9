"""Text in, translations out: tokenizer, engine and tokenizer again, with one answer for every text."""

import math
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from os import PathLike
from pathlib import Path
from typing import overload

from regard.config import checked
from regard.decoding.types import BeamConfig, DecodingConfig, Hypothesis, NoNormalisation
from regard.errors import ConfigError, DataError, UnsupportedError
from regard.inference import ENGINES
from regard.inference.adjusted import adjusted
from regard.inference.engine import WINDOW, Engine, needed_for, require, windows
from regard.inference.native_engine import NativeEngine, obstacle
from regard.inference.over_long import joined, parts
from regard.inference.translation import Output, OverLong, PairScore, Status, Translation
from regard.model_folder import ModelFolder

AnyPath = str | PathLike[str]
Texts = list[str] | tuple[str, ...]
Prefix = str | Iterable[str] | None


@dataclass(frozen=True, slots=True)
class _Line:
    """A text to translate: its number from 1, and the tokens of its parts (no part if the model is not asked)."""

    number: int
    text: str
    status: Status
    parts: list[list[str]]
    prefix: list[str]  # of the first part's output

    def prefixes(self) -> list[list[str]]:
        """Return what the output of each part starts with."""
        return [self.prefix, *([] for _ in self.parts[1:])][: len(self.parts)]


class Translator:
    """Translates texts with a trained model, or with several as one.

    It reads at most `window` texts ahead of the one it answers.
    """

    def __init__(self, engine: Engine, folder: ModelFolder, window: int = WINDOW) -> None:
        if window < 1:
            raise ConfigError(f"{window} is below 1", where="window", hint="1 answers every text at once")
        self.engine, self.folder, self.window = engine, folder, window
        self._source, self._target = folder.sides.source.tokenizer, folder.sides.target.tokenizer

    @classmethod
    def load(
        cls,
        runs: AnyPath | Sequence[AnyPath],
        *,
        engine: str | None = None,
        threads: int | None = None,
        device: str = "cpu",
        precision: str | None = None,
        shortlist: bool = False,
        window: int = WINDOW,
    ) -> "Translator":
        """Load the model of a run or model folder, or of several that decode as one (an ensemble).

        The engine is by default the native one where that can run the model, else torch. With a shortlist it thinks
        only of the output tokens that the model folder lists for a source, which is quicker and may miss some.
        Raises CheckpointError if there is none or it is damaged, UnsupportedError if they do not go together or with
        the engine.
        """
        paths = [runs] if isinstance(runs, str | PathLike) else runs
        folders = [ModelFolder.open(Path(path), weights=False) for path in paths]
        chosen = ENGINES[engine or usual_engine(folders, device)]
        loaded: Engine
        if shortlist:
            if chosen is not NativeEngine:
                raise UnsupportedError("a shortlist: not supported", where=f"engine {chosen.name!r}", hint="use native")
            loaded = NativeEngine.load(folders, threads=threads, device=device, precision=precision, shortlist=True)
        else:
            loaded = chosen.load(folders, threads=threads, device=device, precision=precision)
        return cls(loaded, folders[0], window)

    @overload
    def translate(
        self,
        text: str,
        *,
        beams: int | None = None,
        n_best: int | None = None,
        prefix: Prefix = None,
        decoding: DecodingConfig | None = None,
        over_long: OverLong | None = None,
    ) -> Translation: ...
    @overload
    def translate(
        self,
        text: Texts,
        *,
        beams: int | None = None,
        n_best: int | None = None,
        prefix: Prefix = None,
        decoding: DecodingConfig | None = None,
        over_long: OverLong | None = None,
    ) -> list[Translation]: ...
    @overload
    def translate(
        self,
        text: Iterator[str],
        *,
        beams: int | None = None,
        n_best: int | None = None,
        prefix: Prefix = None,
        decoding: DecodingConfig | None = None,
        over_long: OverLong | None = None,
    ) -> Iterator[Translation]: ...
    def translate(
        self,
        text: str | Texts | Iterator[str],
        *,
        beams: int | None = None,
        n_best: int | None = None,
        prefix: Prefix = None,
        decoding: DecodingConfig | None = None,
        over_long: str | None = None,
    ) -> Translation | list[Translation] | Iterator[Translation]:
        """Translate a text, the texts of a list, or those of an iterator, one after the other as they are asked for.

        `decoding` says how to search (by default as the model folder does); `beams` and `n_best` change that in part.
        Outputs start with `prefix`: one for all texts, or one for each. A text may end in a line end, which is ignored.
        By default an over-long text is cut if the model learnt from cut texts, else split.
        Raises ConfigError if settings do not go together, DataError if the model cannot write a prefix.
        """
        changes = {"beams": beams, "n_best": n_best, "kind": None if beams is None else "beam"}
        config = decoding or self.folder.settings.decoding
        config = adjusted(config, {name: value for name, value in changes.items() if value is not None})
        usual = "cut" if self.folder.settings.text.over_long == "cut" else "split"
        fate: OverLong = checked(OverLong, over_long or usual, "over_long")
        require(self.engine, needed_for(config, prefix=prefix is not None))
        texts = [text] if isinstance(text, str) else text
        lines = (self._line(i, *each, fate) for i, each in enumerate(_with_prefixes(texts, prefix), start=1))
        translations = self._translations(lines, config)
        if isinstance(text, Iterator):
            return translations
        return next(translations) if isinstance(text, str) else list(translations)

    def score(self, pairs: Iterable[tuple[str, str]]) -> Iterator[PairScore]:
        """Yield how likely the model finds each target, given its source; in order, reading ahead by the window.

        Over-long pairs are treated as in training: refused or cut.
        """
        require(self.engine, ["scoring"])
        limits = self.folder.settings.text
        source_end, target_end = limits.longest_source, limits.longest_target
        for window in windows(pairs, self.window):
            tokens = [(self._source.split(source), self._target.split(target)) for source, target in window]
            short = [len(s) <= source_end and len(t) <= target_end for s, t in tokens]
            fits = [fit or limits.over_long == "cut" for fit in short]
            tokens = [(s[:source_end], t[:target_end]) for s, t in tokens]
            log_probs = self.engine.score(pair for pair, fit in zip(tokens, fits, strict=True) if fit)
            for (source, target), (_, written), fit, whole in zip(window, tokens, fits, short, strict=True):
                yield PairScore(
                    source=source,
                    target=target,
                    status="ok" if whole else "cut" if fit else "refused",
                    tokens=tuple(written),
                    token_log_probs=next(log_probs) if fit else (),
                )

    def _line(self, number: int, text: str, prefix: str, over_long: OverLong) -> _Line:
        tokens = self._source.split(text.removesuffix("\n").removesuffix("\r")) if text.strip() else []
        longest = self.folder.settings.text.longest_source
        forced = self._target.split(prefix) if prefix else []
        if not tokens:
            return _Line(number, text, "empty", [], forced)
        if len(tokens) <= longest:
            return _Line(number, text, "ok", [tokens], forced)
        if over_long == "refuse":
            return _Line(number, text, "refused", [], forced)
        if over_long == "cut":
            return _Line(number, text, "cut", [tokens[:longest]], forced)
        return _Line(number, text, "split", parts(text, self._source.split, longest), forced)

    def _translations(self, lines: Iterable[_Line], config: DecodingConfig) -> Iterator[Translation]:
        """Answer lines in order; while those of one half of the window are answered, the other half is under way."""
        waiting: deque[tuple[list[_Line], Iterator[list[Hypothesis]]]] = deque()
        for part in windows(lines, max(1, self.window // 2)):
            waiting.append((part, self._start(part, config)))
            if self.window == 1 or len(waiting) == 2:
                yield from self._answers(*waiting.popleft(), config)
        for part, hypotheses in waiting:
            yield from self._answers(part, hypotheses, config)

    def _start(self, lines: Sequence[_Line], config: DecodingConfig) -> Iterator[list[Hypothesis]]:
        return self.engine.translate(
            (part for line in lines for part in line.parts),
            config,
            (prefix for line in lines for prefix in line.prefixes()),
            (line.number for line in lines for _ in line.parts),
        )

    def _answers(
        self, lines: Iterable[_Line], hypotheses: Iterator[list[Hypothesis]], config: DecodingConfig
    ) -> Iterator[Translation]:
        for line in lines:
            yield self._translation(line, list(islice(hypotheses, len(line.parts))), config)

    def _translation(self, line: _Line, found: list[list[Hypothesis]], config: DecodingConfig) -> Translation:
        """Make the answer for a line of what was found for its parts; the k-th output joins the k-th of each."""
        if not found:
            return Translation(source=line.text, status=line.status, text="")
        outputs = [self._output(each, config) for each in zip(*found, strict=False)]
        status = line.status if line.status != "ok" or outputs[0].ended else "unfinished"
        return Translation.of(line.text, status, outputs)

    def _output(self, hypotheses: Sequence[Hypothesis], config: DecodingConfig) -> Output:
        token_log_probs = tuple(log_prob for h in hypotheses for log_prob in h.token_log_probs)
        log_prob, score = math.fsum(h.log_prob for h in hypotheses), hypotheses[0].score
        if len(hypotheses) > 1:
            length = config.length if isinstance(config, BeamConfig) else NoNormalisation()
            score = log_prob / length.divisor(sum(len(h.tokens) + h.ended for h in hypotheses))
        return Output(
            text=joined(self._target.join(h.tokens) for h in hypotheses),
            tokens=tuple(token for h in hypotheses for token in h.tokens),
            token_log_probs=token_log_probs,
            log_prob=log_prob,
            score=score,
            ended=all(h.ended for h in hypotheses),
        )


def usual_engine(folders: Sequence[ModelFolder], device: str) -> str:
    """Return the name of the fastest engine that runs these models on this device."""
    fits = device == "cpu" and len(folders) == 1 and not obstacle(folders[0].settings.model)
    return "native" if fits else "torch"


def _with_prefixes(texts: Iterable[str], prefix: Prefix) -> Iterator[tuple[str, str]]:
    if prefix is None or isinstance(prefix, str):
        yield from ((text, prefix or "") for text in texts)
        return
    prefixes, number = iter(prefix), 0
    for number, text in enumerate(texts, start=1):
        if (own := next(prefixes, None)) is None:
            raise DataError("has no prefix", where=f"text {number}", hint="give one for each text, or one for all")
        yield text, own
    if next(prefixes, None) is not None:
        raise DataError("has no text", where=f"prefix {number + 1}", hint="give one for each text, or one for all")
