"""What counts as a word when phrases are compared: of any script, without numbers and punctuation."""

import unicodedata

_UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR", "TIBETAN")  # no spaces between words
_INSIDE = "-'’"  # may stand within a word


class _Separator(dict[int, str]):
    """What becomes of a character before the text is split at spaces; filled as characters come up."""

    def __missing__(self, code: int) -> str:
        letter = chr(code)
        kind = unicodedata.category(letter)[0]
        if kind == "S" or (kind in "LM" and unicodedata.name(letter, "").startswith(_UNSPACED)):
            self[code] = f" {letter} "
        else:
            self[code] = letter if kind in "LM" or letter in _INSIDE else " "
        return self[code]


_SEPARATOR = _Separator()


def words(text: str) -> list[str]:
    """Return the words and signs of a text; in scripts that do not space words, every letter is one."""
    cut = (word.strip(_INSIDE) for word in text.translate(_SEPARATOR).split())
    return [word for word in cut if word]
