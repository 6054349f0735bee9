"""Over-long texts in parts that are short enough."""

import re
from collections.abc import Callable, Iterable

from regard.text.words import UNSPACED

SENTENCE_END = re.compile(r"""[.!?…।॥؟۔]["'”’»)\]]*(?=\s)|[。！？｡][」』”’）]*""")
"""The end of a sentence: before a space, or anywhere in scripts that put none."""

SPACE = re.compile(r"\s+")


def parts(text: str, split: Callable[[str], list[str]], longest: int) -> list[list[str]]:
    """Return the tokens of the fewest halves, quarters ... of a text that have at most `longest` tokens each.

    A text is halved where a sentence ends, else at a space, else anywhere: always as near to its middle as may be.
    Only a single character may come out longer.
    """
    text = text.strip()
    tokens = split(text)
    if len(tokens) <= longest or len(text) < 2:
        return [tokens] if tokens else []
    middle = _middle(text)
    return [*parts(text[:middle], split, longest), *parts(text[middle:], split, longest)]


def joined(outputs: Iterable[str]) -> str:
    """Return the outputs of the parts of a text as one, with a space between them where their script has spaces."""
    text = ""
    for output in filter(None, outputs):
        spaced = text and not (UNSPACED.match(text[-1]) and UNSPACED.match(output[0]))
        text += f" {output}" if spaced else output
    return text


def _middle(text: str) -> int:
    """Return the place nearest to the middle of a stripped text where it is best cut in two."""
    for boundary in (SENTENCE_END, SPACE):
        places = (match.end() for match in boundary.finditer(text))
        inside = [place for place in places if place < len(text)]
        if inside:
            return min(inside, key=lambda place: abs(2 * place - len(text)))
    return len(text) // 2
