"""What counts as a word where a text is read word by word: what stands between spaces, or a single character."""

import re

UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3000-\u30ff\u3400-\u9fff\uff00-\uff65\U00020000-\U0003ffff]"
)
"""Thai, Lao, Burmese, Khmer, Japanese and Chinese, with the marks that end their sentences."""

WORD = re.compile(rf"{UNSPACED.pattern}|(?:(?!{UNSPACED.pattern})\S)+")


def word_spans(text: str) -> list[tuple[int, int]]:
    """Return where each word of a text begins and ends; in scripts that do not space words, each character is one."""
    return [found.span() for found in WORD.finditer(text)]
