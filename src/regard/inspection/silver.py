"""Alignments without people: what a statistical aligner makes of the same pairs, called silver.

It is learnt on texts alone and knows nothing of the model. What agrees with it need not be right, and what does not
need not be wrong; it only says which heads look at translations at all.
"""

from collections.abc import Sequence

from regard.inference.engine import Tokens
from regard.inspection.attribution import PairWords
from regard.inspection.subject import Subject
from regard.inspection.words import spans_of
from regard.metrics.alignments import Gold
from regard.text.aligner import Aligner
from regard.text.tokenizer import Tokenizer

MOST_LEARNT = 5_000
"""Pairs that the aligner learns from at most."""


def silver(
    subject: Subject, pairs: Sequence[tuple[Tokens, Tokens]], texts: Sequence[tuple[str, str]] = ()
) -> list[Gold]:
    """Return the links that an aligner finds in pairs; it learns from them and from other `texts`."""
    own = [_words(PairWords.of(subject, *pair)) for pair in pairs]
    source, target = subject.sides.source.tokenizer, subject.sides.target.tokenizer
    others = [(_split(source, one), _split(target, other)) for one, other in texts[:MOST_LEARNT]]
    aligner = Aligner.learn([pair for pair in (*own, *others) if all(pair)])
    found = (frozenset(aligner.align(*pair)) if all(pair) else frozenset() for pair in own)
    return [Gold(links, links) for links in found]


def _words(words: PairWords) -> tuple[list[str], list[str]]:
    source, target = ([side.texts[i] for i in side.plain] for side in (words.source, words.target))
    return source, target


def _split(tokenizer: Tokenizer, text: str) -> list[str]:
    return [text[first:last] for first, last in spans_of(tokenizer, text)]
