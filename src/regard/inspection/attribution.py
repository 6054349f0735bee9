"""What every output word owes to each source word and to each word written before it, by one method or another.

The methods answer different questions, and often differently; none of them is the truth about the model.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float

from regard.inference.engine import Tokens
from regard.inspection.maps import AttentionMap
from regard.inspection.subject import BEGIN, END, Subject
from regard.inspection.words import Words

Method = Literal["rollout", "contribution", "gradient", "occlusion"]

METHODS: tuple[Method, ...] = get_args(Method)

NOT: Mapping[Method, str] = {
    "rollout": "This follows weights alone through the layers; it is not what changed the output.",
    "contribution": "This is a share of what was mixed, without sign; it is not what another word would do.",
    "gradient": "This is the slope at this very input; it is not what happens if a word is gone.",
    "occlusion": "This is what blanking one word at a time does; it is not what words do together.",
}
"""The sentence that stands beside every map of a method."""

UNITS: Mapping[Method, str] = {
    "rollout": "share; rows sum to 1, words written before included",
    "contribution": "share; rows sum to 1, words written before included",
    "gradient": "nats; above 0: speaks for the word",
    "occlusion": "nats that the word loses without it; below 0: it speaks against the word",
}


@dataclass(frozen=True, slots=True)
class Attribution:
    """A number for every output word and each word that it may depend on."""

    method: Method
    source: tuple[str, ...]  # ends in EOS
    prefix: tuple[str, ...]  # begins with BOS
    target: tuple[str, ...]  # ends in EOS
    of_source: Float[np.ndarray, "target source"]
    of_prefix: Float[np.ndarray, "target prefix"]  # 0 for what was not written yet

    @property
    def source_share(self) -> Float[np.ndarray, " target"]:
        """How much of what each output word owes comes from the source, of 1; signs are left out."""
        source, prefix = (np.abs(values).sum(axis=1) for values in (self.of_source, self.of_prefix))
        return source / np.maximum(source + prefix, np.finfo(source.dtype).tiny)

    def map(self) -> AttentionMap:
        """Return what is owed to the source, to be drawn."""
        title = f"{self.method.capitalize()} of source words"
        return AttentionMap(title, self.target, self.source, self.of_source, NOT[self.method], UNITS[self.method])

    def prefix_map(self) -> AttentionMap:
        """Return what is owed to what was written before, to be drawn."""
        title = f"{self.method.capitalize()} of words written before"
        return AttentionMap(title, self.target, self.prefix, self.of_prefix, NOT[self.method], UNITS[self.method])


@dataclass(frozen=True, slots=True)
class PairWords:
    """The words of a source and of its target, as the model reads and writes them."""

    source: Words  # with EOS
    prefix: Words  # with BOS
    target: Words  # with EOS

    @classmethod
    def of(cls, subject: Subject, source: Tokens, target: Tokens, *, words: bool = True) -> "PairWords":
        """Group tokens into words, or take each for a word of its own."""
        if not words:
            sides = (*source, END), (BEGIN, *target), (*target, END)
            return cls(*map(Words.of_tokens, sides))
        of_source, of_target = subject.sides.source.tokenizer, subject.sides.target.tokenizer
        return cls(
            Words.of(of_source, source, after=(END,)),
            Words.of(of_target, target, before=(BEGIN,)),
            Words.of(of_target, target, after=(END,)),
        )

    def shared_out(
        self,
        method: Method,
        of_source: Float[np.ndarray, "target_tokens source_tokens"],
        of_prefix: Float[np.ndarray, "target_tokens prefix_tokens"],
    ) -> Attribution:
        """Return shares of tokens as shares of words: summed over what is owed to, averaged over what owes."""
        return self._attribution(
            method, self.target.means(self.source.sums(of_source)), self.target.means(self.prefix.sums(of_prefix))
        )

    def added_up(
        self,
        method: Method,
        of_source: Float[np.ndarray, "target_tokens source_words"],
        of_prefix: Float[np.ndarray, "target_tokens prefix_words"],
    ) -> Attribution:
        """Return nats of tokens as nats of words: summed, as log-probabilities are."""
        return self._attribution(method, self.target.sums(of_source.T).T, self.target.sums(of_prefix.T).T)

    def _attribution(self, method: Method, of_source: np.ndarray, of_prefix: np.ndarray) -> Attribution:
        texts = self.source.texts, self.prefix.texts, self.target.texts
        return Attribution(method, *texts, of_source, of_prefix)
