"""The preset `auto`: sizes, tokenizers and schedule from the data; no torch.

It starts from `modern` and changes what the data asks for; every choice comes with its reason.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

import numpy as np

from regard.config import merge

Values = dict[str, Any]

BASES = ("modern", "g2p", "summary")
"""Presets that a recipe may start from."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why some values were chosen; none if it is the preset that is explained."""

    text: str
    values: Values


@dataclass(frozen=True, slots=True)
class Recipe:
    """Values to lay over the preset `base`, and why."""

    base: str
    values: Values
    reasons: list[Reason]


@dataclass(frozen=True, slots=True)
class Allowance:
    """A time to train in, and how to measure what comes of it on this machine."""

    seconds: float
    speed: Callable[[str, Values, tuple[float, float]], float]
    """Target tokens per second of a preset with values laid over it, for mean texts of so many tokens."""


@dataclass(frozen=True, slots=True)
class Looks:
    """What a side looks like: enough to choose how to cut it."""

    texts: int
    characters: float  # mean per text
    words: float  # mean per text, between spaces
    inventory: int  # distinct words
    word_length: float  # mean characters per word
    distinct: int  # distinct characters

    @classmethod
    def of(cls, texts: Sequence[str]) -> "Looks":
        """Measure up to 20,000 texts, evenly spread."""
        sample = texts[:: max(1, len(texts) // 20_000)]
        words = [text.split() for text in sample]
        counts = np.array([len(w) for w in words])
        flat = [word for w in words for word in w]
        return cls(
            texts=len(texts),
            characters=float(np.mean([len(text) for text in sample])),
            words=float(counts.mean()),
            inventory=len(set(flat)),
            word_length=len("".join(flat)) / max(1, len(flat)),
            distinct=len({c for text in sample for c in text}),
        )

    @property
    def pieces(self) -> float:
        """About how many subword pieces a text has."""
        return max(self.words * 1.35, self.characters / 3.5)

    @property
    def spaced(self) -> bool:
        """Whether it looks like symbols with spaces between: phonemes, tags, letters."""
        return self.inventory <= 300 and self.words >= 2 and self.word_length <= 4

    @property
    def symbols(self) -> bool:
        """Whether these are hardly words of a language: one or two characters each."""
        return self.spaced and self.word_length <= 2

    @property
    def single_words(self) -> bool:
        """Whether it looks like single words, to be read letter by letter."""
        return self.words < 1.5 and self.characters < 40 and self.distinct < 2000


@dataclass(slots=True)
class _Draft:
    """Values under way, with their reasons."""

    values: Values = field(default_factory=dict)
    reasons: list[Reason] = field(default_factory=list)

    def choose(self, reason: str, tables: Values) -> None:
        for name, table in tables.items():
            self.values.setdefault(name, {}).update(table)
        self.reasons.append(Reason(reason, tables))

    def explain(self, reason: str) -> None:
        self.reasons.append(Reason(reason, {}))


def recipe(sources: Sequence[str], targets: Sequence[str], allowance: Allowance | None = None) -> Recipe:
    """Choose a preset from what the texts look like, and fit its size to how many they are, or to the time given."""
    source, target = Looks.of(sources), Looks.of(targets)
    letters = (source.characters, target.words if target.spaced else target.characters)
    draft = _Draft()
    if source.single_words and target.spaced:
        words = f"sources are single words, targets {target.inventory} symbols between spaces"
        draft.explain(f"preset g2p: {words}: read letters, write symbols, judged by PER and WER")
        _fit_words(draft, len(sources), letters, allowance)
        return Recipe("g2p", draft.values, draft.reasons)
    if source.single_words and target.single_words:
        draft.choose(
            "preset g2p: single words on both sides: read and write letters, judged by exact match",
            {
                "text": {"target": {"kind": "characters"}},
                "task": {"metrics": ["exact_match", "chrf"]},
                "training": {"best_by": "exact_match"},
            },
        )
        _fit_words(draft, len(sources), letters, allowance)
        return Recipe("g2p", draft.values, draft.reasons)
    if source.words > 40 and source.words > 4 * target.words:
        words = f"sources have {source.words:.0f} words and targets {target.words:.0f}"
        draft.explain(f"preset summary: {words}: long sources are cut, judged by ROUGE")
        if find_spec("rouge_score") is None:
            reason = "judged by chrF: ROUGE needs pip install rouge-score"
            draft.choose(reason, {"task": {"metrics": ["chrf"]}, "training": {"best_by": "chrf"}})
        _fit_summaries(draft, len(sources), allowance)
        return Recipe("summary", draft.values, draft.reasons)
    if source.symbols and target.symbols:
        draft.choose(
            f"preset modern: {source.inventory} and {target.inventory} symbols between spaces, each a token",
            {
                "text": {"source": {"kind": "spaced"}, "target": {"kind": "spaced"}},
                "task": {"metrics": ["exact_match", "token_accuracy"]},
            },
        )
        _fit_sentences(draft, len(sources), (source.words, target.words), allowance)
        return Recipe("modern", draft.values, draft.reasons)
    draft.explain(f"preset modern: sentences of {source.words:.0f} and {target.words:.0f} words on average")
    _fit_pieces(draft, source, target, allowance)
    _fit_sentences(draft, len(sources), (source.pieces, target.pieces), allowance)
    _fit_metrics(draft, target)
    return Recipe("modern", draft.values, draft.reasons)


def _fit_words(draft: _Draft, pairs: int, lengths: tuple[float, float], allowance: Allowance | None) -> None:
    if allowance:
        _fit_time(draft, "g2p", pairs, lengths, allowance)
    elif pairs < 15_000:
        reason = f"{pairs:,} words are few: a smaller model, more dropout, fewer steps"
        sizes = {"d_model": 128, "heads": 4, "d_ff": 256, "encoder_layers": 2, "decoder_layers": 2, "dropout": 0.3}
        training = {"steps": 2000, "batch_tokens": 1024, "validate_every": 200}
        draft.choose(reason, {"model": sizes | {"ngrams": {"kind": "none"}}, "training": training})


def _fit_summaries(draft: _Draft, pairs: int, allowance: Allowance | None) -> None:
    """As often through the pairs as the preset goes through 14,000 of them, or for the time given."""
    if allowance:
        draft.choose(f"{_COURSE}, the size of the preset", {"training": _watched(allowance)})
        return
    steps = int(np.clip(round(pairs * SUMMARY_STEPS_PER_PAIR, -2), 400, 50_000))
    every = max(100, steps // 4)
    reason = f"{steps:,} steps for {pairs:,} pairs"
    draft.choose(reason, {"training": {"steps": steps, "validate_every": every, "save_every": every}})


SUMMARY_STEPS_PER_PAIR = 2400 / 14_000
"""What was chosen on held-out e-mails."""


def _fit_pieces(draft: _Draft, source: Looks, target: Looks, allowance: Allowance | None) -> None:
    words = source.inventory + target.inventory
    pieces = int(np.clip(round(words / 2, -2), 500, 16_000))
    reason = f"about half of {words:,} distinct words"
    if source.texts > 1_000_000:
        pieces, reason = 32_000, "more than a million pairs"
    if allowance and allowance.seconds <= SHORT and pieces > SHORT_PIECES:
        pieces, reason = SHORT_PIECES, "the time is short, and each more makes steps slower"
    settings = {"kind": "unigram", "vocabulary": pieces}
    reason = f"{pieces:,} pieces for both sides together: {reason}"
    draft.choose(reason, {"text": {"source": settings, "target": settings}})


SHORT, SHORT_PIECES = 900, 8000
"""Up to so many seconds steps are made cheap: at most so many pieces, and ReLU; chosen on held-out pairs (Multi30k)."""


def _fit_sentences(draft: _Draft, pairs: int, lengths: tuple[float, float], allowance: Allowance | None) -> None:
    """Few tokens: small and strongly regularised. Many: wider and longer, seen fewer times."""
    tokens = round(pairs * lengths[1])
    if allowance:
        if allowance.seconds <= SHORT:
            reason = "feed-forward layers of ReLU: two products instead of three, and more steps in a short time"
            draft.choose(reason, {"model": {"feed_forward": {"kind": "relu"}}})
        _fit_time(draft, "modern", pairs, lengths, allowance)
        return
    sizes = ((100_000, 128, 3, 0.3, 60), (1_500_000, 128, 4, 0.2, 18), (10_000_000, 256, 4, 0.1, 8))
    fitting = [size for size in sizes if tokens <= size[0]]
    _, d_model, layers, dropout, epochs = fitting[0] if fitting else (tokens, 512, 6, 0.1, 4)
    batch = 2048 if tokens <= 1_500_000 else 8192
    steps = int(np.clip(round(tokens * epochs / batch, -2), 1500, 100_000))
    every = max(100, steps // 12)
    model = {"d_model": d_model, "d_ff": 2 * d_model, "encoder_layers": layers, "decoder_layers": layers}
    draft.choose(
        f"{layers}+{layers} layers of {d_model}, dropout {dropout}: about {tokens:,} target tokens",
        {"model": model | {"dropout": dropout}},
    )
    training = {"steps": steps, "batch_tokens": batch, "validate_every": every, "save_every": every}
    draft.choose(
        f"{steps:,} steps of {batch:,} tokens: every pair about {steps * batch / max(tokens, 1):.0f} times",
        {"training": training},
    )


PER_WEIGHT = 10
"""Tokens of both sides that each hidden weight should see in a training; a model that sees fewer is too wide."""

FEW_TOKENS = 200_000
"""Target tokens up to which the narrowest model can learn all there is."""

_COURSE = "as many steps as fit into the time"


def _fit_time(draft: _Draft, base: str, pairs: int, lengths: tuple[float, float], allowance: Allowance) -> None:
    """Take the widest model that sees enough in the time; the fewer times it sees every pair, the less dropout."""
    layers = {"encoder_layers": 4, "decoder_layers": 3 if base == "g2p" else 4}
    squares = 4 * layers["encoder_layers"] + 8 * layers["decoder_layers"] + 6 * sum(layers.values())

    def seen(speed: float) -> float:
        """Return how many tokens of both sides fit into the time; a tenth of it goes into other things."""
        return 0.9 * allowance.seconds * speed * (1 + lengths[0] / lengths[1])

    model: Values = {}
    speed = math.inf
    for width in (128, 192, 256) if pairs * lengths[1] > FEW_TOKENS else (128,):
        enough = PER_WEIGHT * squares * width**2
        if model and seen(speed) < enough:
            break  # and a wider one is slower still
        wider = {"d_model": width, "d_ff": 2 * width, "heads": width // 32, **layers}
        its_speed = allowance.speed(base, merge(draft.values, {"model": wider}), lengths)
        if model and seen(its_speed) < enough:
            break
        model, speed = wider, its_speed
    epochs = seen(speed) / (pairs * sum(lengths))
    most = 0.1 if base == "g2p" else 0.3
    dropout = min(most, next((p for times, p in ((6, 0.1), (15, 0.15), (40, 0.2)) if epochs <= times), 0.3))
    draft.choose(
        f"{layers['encoder_layers']}+{layers['decoder_layers']} layers of {model['d_model']}, dropout {dropout}: "
        f"about {speed:,.0f} target tokens a second here, every pair {epochs:.1f} times",
        {"model": model | {"dropout": dropout}},
    )
    draft.choose(f"{_COURSE}; the running mean of the weights is what counts", {"training": _watched(allowance)})


def _watched(allowance: Allowance) -> Values:
    return {"ema": 0.998, "validate_pairs": int(np.clip(allowance.seconds, 100, 1000))}


def _fit_metrics(draft: _Draft, target: Looks) -> None:
    if target.words < 0.12 * target.characters:
        draft.choose("judged by chrF: targets have few spaces", {"task": {"metrics": ["chrf", "exact_match"]}})
