"""The exported model, run by transformers, beside ours: the same tokens, log-probabilities and outputs.

Both compute in float32. Where two tokens are as likely to a thousandth, either may be chosen. Beam searches are two
programs: theirs keeps more hypotheses when some have ended. So where outputs differ, both models must give theirs the
same score.

Axes    T target positions · V vocabulary
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import torch

from regard.data.batch import Batch
from regard.decoding.types import BeamConfig, DecodingConfig, GreedyConfig, Hypothesis
from regard.errors import DataError, UnsupportedError, import_extra
from regard.inference.torch_engine import TorchEngine
from regard.interop.huggingface.search import searched
from regard.model_folder import ModelFolder
from regard.text.vocabulary import BOS, EOS, SPECIAL

READ_OTHERWISE = ("▁", "␛", *SPECIAL)
"""Characters that our tokenizer spells, and words that theirs takes for special tokens."""

TOLERANCE = 1e-3
"""Nats by which log-probabilities may differ."""


@dataclass(slots=True)
class Compared:
    """How like the two are."""

    sentences: int = 0
    largest_difference: float = 0.0
    same_greedy: int = 0
    same_beam: int = 0


def require_transformers() -> None:
    """Raise MissingExtraError unless transformers is installed."""
    import_extra("transformers", "huggingface")


def compare(new: Path, folder: ModelFolder, samples: Sequence[str]) -> Compared:
    """Compare on texts; those that are too long, or that their tokenizer reads otherwise, are passed over.

    Raises UnsupportedError if the two differ, DataError if no sample is short enough.
    """
    compared = Compared()
    with quietly():
        pair = _Pair(new, folder)
        for text in samples:
            ids = folder.sides.source.ids(text)
            plain = not any(mark in text for mark in READ_OTHERWISE)
            if plain and 0 < len(ids) <= folder.settings.text.longest_source:
                pair.compare(text, ids, compared)
    if not compared.sentences:
        hint = "give other lines with --samples"
        raise DataError("no sample is short and plain enough to compare on", where=str(folder.path), hint=hint)
    return compared


@contextmanager
def quietly() -> Iterator[None]:
    """Keep transformers from talking."""
    from transformers.utils import logging

    before = logging.get_verbosity()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(before)
        logging.enable_progress_bar()


class _Pair:
    """Their model and ours."""

    def __init__(self, new: Path, folder: ModelFolder) -> None:
        from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

        self.theirs: Any = AutoModelForSeq2SeqLM.from_pretrained(new, local_files_only=True).float().eval()
        self.tokenizer: Any = AutoTokenizer.from_pretrained(new, local_files_only=True)
        self.ours, self.sides = folder.load_model(), folder.sides
        self.engine, self.decoding = TorchEngine([self.ours], folder.sides), folder.settings.decoding
        beam = self.decoding if isinstance(self.decoding, BeamConfig) else _like(BeamConfig, self.decoding)
        self.beam = replace(searched(beam), n_best=1)

    def compare(self, text: str, ids: list[int], compared: Compared) -> None:
        """Compare on one text.

        Raises UnsupportedError if the two differ.
        """
        found = list(self.tokenizer(text).input_ids)
        if found != [*ids, EOS]:
            raise _differs(f"the tokenizer gives {found}, not {[*ids, EOS]}", text)
        compared.sentences += 1
        source = self.sides.source.vocabulary.tokens(ids)
        limit = self.decoding.limit(len(ids))
        compared.same_greedy += self._same(source, ids, _like(GreedyConfig, self.decoding), limit, text)
        compared.same_beam += self._same(source, ids, self.beam, limit, text)
        compared.largest_difference = max(compared.largest_difference, self._difference(source, ids, text))

    def _same(self, source: list[str], ids: list[int], config: Any, limit: int, text: str) -> bool:
        ours = next(iter(self.engine.translate([source], config)))[0]
        beams: dict[str, float] = {"num_beams": 1}
        if isinstance(config, BeamConfig):
            beams = {"num_beams": config.beams, "length_penalty": getattr(config.length, "alpha", 0.0)}
        out = self.theirs.generate(
            torch.tensor([[*ids, EOS]]),
            attention_mask=torch.ones(1, len(ids) + 1, dtype=torch.long),
            max_new_tokens=limit + 1,
            max_length=None,
            do_sample=False,
            return_dict_in_generate=True,
            output_scores=True,
            **beams,
        )
        written = out.sequences[0].tolist()[1:]
        ended = EOS in written
        theirs = self.sides.target.vocabulary.tokens(written[: written.index(EOS)] if ended else written[:limit])
        if tuple(theirs) == ours.tokens and ended == ours.ended:
            return True
        if isinstance(config, BeamConfig):
            if ended:
                score = sum(self._scores(source, theirs)) / config.length.divisor(len(theirs) + 1)
                if abs(score - float(out.sequences_scores[0])) > TOLERANCE:
                    raise _differs(f"beam search finds {theirs} with another score", text)
        elif not self._tied(source, theirs, ours):
            raise _differs(f"greedy search finds {theirs}, not {list(ours.tokens)}", text)
        return False

    def _scores(self, source: list[str], target: Sequence[str]) -> tuple[float, ...]:
        return next(iter(self.engine.score([(source, target)])))

    def _tied(self, source: list[str], theirs: Sequence[str], ours: Hypothesis) -> bool:
        """Tell whether the first tokens that differ are as likely as each other."""
        one, other = self._scores(source, theirs), self._scores(source, ours.tokens)
        pairs = zip([*theirs, ""], [*ours.tokens, ""], strict=False)
        first = next((i for i, (a, b) in enumerate(pairs) if a != b), 0)
        return abs(one[first] - other[first]) < TOLERANCE

    @torch.inference_mode()
    def _difference(self, source: list[str], ids: list[int], text: str) -> float:
        """Return the largest difference of log-probabilities along our own output."""
        output = next(iter(self.engine.translate([source], _like(GreedyConfig, self.decoding))))[0]
        target = self.sides.target.vocabulary.ids(output.tokens)
        ours_TV = self.ours(Batch.of([ids], [target]))[0].log_softmax(dim=-1)
        both = {"input_ids": torch.tensor([[*ids, EOS]]), "decoder_input_ids": torch.tensor([[BOS, *target]])}
        theirs_TV = self.theirs(**both).logits[0].log_softmax(dim=-1)
        difference = float((ours_TV - theirs_TV).abs().max())
        if not difference <= TOLERANCE:
            raise _differs(f"log-probabilities differ by {difference:.2g} nats", text)
        return difference


def _like(kind: type[DecodingConfig], config: DecodingConfig) -> Any:
    limits = {f.name: getattr(config, f.name) for f in fields(DecodingConfig) if f.name != "n_best"}
    return kind(**limits)


def _differs(problem: str, text: str) -> UnsupportedError:
    hint = "nothing was written; please report it with the model's config.toml"
    return UnsupportedError(f"the result is not the model: {problem}", where=repr(text[:60]), hint=hint)
