"""What counts as a word when phrases are compared: of any script, without numbers and punctuation."""

import unicodedata
from functools import cache

_UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR", "TIBETAN")  # no spaces between words
_INSIDE = "-'’"  # may stand within a word


@cache
def _set_apart(letter: str) -> str:
    """Return what becomes of a character before the text is split at its spaces."""
    kind = unicodedata.category(letter)[0]
    if kind == "S" or (kind in "LM" and unicodedata.name(letter, "").startswith(_UNSPACED)):
        return f" {letter} "
    return letter if kind in "LM" or letter in _INSIDE else " "


def words(text: str) -> list[str]:
    """Return the words and signs of a text; in scripts that do not space words, every letter is one."""
    cut = (word.strip(_INSIDE) for word in "".join(map(_set_apart, text)).split())
    return [word for word in cut if word]
