"""BLEU, chrF and TER, computed and signed by sacreBLEU (Post 2018).

sacreBLEU keeps a sentence's statistics behind a leading underscore, in methods that its own tests of significance and
every metric derived from its base class rely on. They are called in this file alone.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import sacrebleu
from jaxtyping import Float

from regard.errors import ConfigError
from regard.metrics.base import Metric, reference_count

TOKENIZATIONS = ("13a", "intl", "char", "zh", "none")
"""Those of sacreBLEU's that need no download and no other package."""


class SacrebleuMetric(Metric):
    """A metric whose statistics and score are sacreBLEU's."""

    title: ClassVar[str]  # how sacreBLEU calls it

    def __init__(self, scorer: Any) -> None:
        self._scorer = scorer

    def statistics(self, output: str, references: Sequence[str]) -> Sequence[int | float]:
        streams = [[reference] for reference in references]  # sacreBLEU's axes: reference, then sentence
        (statistics,) = self._scorer._extract_corpus_statistics([output], streams)
        return statistics

    def from_statistics(self, total: Float[np.ndarray, " sums"]) -> float:
        return float(self._sacrebleu_score(total).score)

    def signature(self, references: Sequence[Sequence[str]]) -> str:
        count = reference_count(references)
        self._scorer.num_refs = -1 if count == "var" else int(count)  # noted otherwise for the last sentence alone
        return f"{self.title}|{self._scorer.get_signature()}"

    def _sacrebleu_score(self, total: Float[np.ndarray, " sums"]) -> Any:
        return self._scorer._compute_score_from_stats(total.tolist())


class Bleu(SacrebleuMetric):
    """Share of word n-grams (1 to 4) found in a reference, less a penalty for brevity (Papineni et al. 2002).

    `tokenize` is one of TOKENIZATIONS: "13a" for most scripts, "char" or "zh" where words have no spaces, "none" for
    text that is cut already. An output of fewer than four words on its own scores 0: BLEU is for whole texts.
    """

    name: ClassVar[str] = "bleu"
    unit: ClassVar[str] = ""
    title: ClassVar[str] = "BLEU"

    def __init__(self, *, tokenize: str = "13a", lowercase: bool = False) -> None:
        if tokenize not in TOKENIZATIONS:
            hint = f"choose one of {', '.join(TOKENIZATIONS)}"
            raise ConfigError(f"unknown tokenization {tokenize!r}", where="tokenize", hint=hint)
        # force: no advice on the terminal, in terms of an option that is not there, about text that looks tokenized
        super().__init__(sacrebleu.BLEU(tokenize=tokenize, lowercase=lowercase, force=True))

    def details(self, total: Float[np.ndarray, " sums"]) -> Mapping[str, float]:
        score = self._sacrebleu_score(total)
        precisions = {f"precision_{n}": float(value) for n, value in enumerate(score.precisions, start=1)}
        return {**precisions, "brevity_penalty": float(score.bp), "length_ratio": float(score.ratio)}


class Chrf(SacrebleuMetric):
    """F-score of character n-grams (1 to 6), recall counting double (Popović 2015): chrF2."""

    name: ClassVar[str] = "chrf"
    unit: ClassVar[str] = ""
    title: ClassVar[str] = "chrF2"

    def __init__(self) -> None:
        super().__init__(sacrebleu.CHRF())


class Ter(SacrebleuMetric):
    """Edits of words and shifts of phrases per reference word, case ignored (Snover et al. 2006).

    Of several references the closest counts the edits, and their mean length divides them.
    """

    name: ClassVar[str] = "ter"
    higher_is_better: ClassVar[bool] = False
    title: ClassVar[str] = "TER"

    def __init__(self) -> None:
        super().__init__(sacrebleu.TER())

    def details(self, total: Float[np.ndarray, " sums"]) -> Mapping[str, float]:
        return {"edits": float(total[0]), "reference_words": float(total[1])}
