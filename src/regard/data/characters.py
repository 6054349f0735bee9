"""What may be wrong with the characters of pairs: encoding, control characters, scripts, sides that are swapped."""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from math import log

from regard.data.findings import Finding, found
from regard.data.pairs import Pair

ODD_CHARACTERS = {  # code -> what to search for, what it is, what to do about it
    "replacement": (
        re.compile("\ufffd"),
        "a replacement character, U+FFFD",
        "characters were lost in a conversion: make the file again from where it came from",
    ),
    "mojibake": (
        re.compile(r"[ÂÃÐÑ][\x80-\xbfŒœŠšŸŽžƒˆ˜–—‘’‚“”„†‡•…‰‹›€™]|â€|ï»¿"),
        "letters such as Ã¤ for ä",
        "UTF-8 was read as another encoding and saved: make the file again from where it came from",
    ),
    "control": (
        re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]"),
        "control characters",
        "a model learns to write them; take them out",
    ),
    "carriage-return": (
        re.compile("\r"),
        "a carriage return inside a text",
        "left over from the line ends of another system; take it out",
    ),
    "invisible": (
        re.compile("[\u200b\u2028\u2029\ufeff]"),
        "invisible characters or Unicode line ends",
        "a model learns to write them; take them out",
    ),
}

LEAST_LETTERS = 4
"""Letters that a text needs before its script is judged."""

USUAL_SHARE = 0.8
"""Share of a side's texts that one script needs to be the usual one."""

SWAPPED = 10.0
"""Nats by which both texts of a pair must be likelier on the other side."""

TOLD_APART = 0.95
"""Share of pairs that must read clearly like this way round, or the other, for sides to be told apart at all."""

LEARNT_FROM = 5000
"""Pairs that show what the sides read like."""

EAST_ASIAN = {"CJK", "HIRAGANA", "KATAKANA", "IDEOGRAPHIC", "HALFWIDTH", "FULLWIDTH"}


def odd_characters(pairs: Sequence[Pair]) -> Iterator[Finding]:
    """Yield pairs with characters that text should not hold."""
    for code, (pattern, name, advice) in ODD_CHARACTERS.items():
        lines = [pair.line for pair in pairs if any(map(pattern.search, (pair.source, pair.target, *pair.others)))]
        yield from found(code, lines, pairs, f"{{n}} pair{{s}} with {name}", advice)


def mixed_forms(pairs: Sequence[Pair]) -> Iterator[Finding]:
    """Yield texts that write é as two characters, e and an accent, where others write it as one."""
    advice = "the same word in two spellings: bring the file into one, such as NFC"
    for side, texts in _sides(pairs):
        apart, joined = [], False
        for pair, text in zip(pairs, texts, strict=True):
            if text.isascii():
                continue
            if not unicodedata.is_normalized("NFC", text):
                apart.append(pair.line)
            elif not joined:
                joined = not unicodedata.is_normalized("NFD", text)
        if joined:
            message = f"{{n}} {side} text{{s}} with accents apart from their letters, which others join"
            yield from found(f"{side}-forms", apart, pairs, message, advice)


def odd_scripts(pairs: Sequence[Pair]) -> Iterator[Finding]:
    """Yield texts in another script than is usual on their side."""
    for side, texts in _sides(pairs):
        scripts = [_script_of(text) for text in texts]
        counts = Counter(filter(None, scripts))
        usual, share = counts.most_common(1)[0] if counts else ("", 0)
        if share < USUAL_SHARE * counts.total():
            continue
        lines = [pair.line for pair, script in zip(pairs, scripts, strict=True) if script not in ("", usual)]
        message = f"{{n}} {side} text{{s}} in another script than the usual {usual.title()}"
        yield from found(f"{side}-script", lines, pairs, message, "the wrong language, or names only? look at some")


def _script_of(text: str) -> str:
    """Return the script of more than half of a text's letters; "" if there is none or they are few."""
    if text.isascii():
        return "LATIN" if sum(map(str.isalpha, text)) >= LEAST_LETTERS else ""
    counts: Counter[str] = Counter()
    for character, count in Counter(text).items():
        counts[_script(character)] += count
    del counts[""]
    script, letters = counts.most_common(1)[0] if counts else ("", 0)
    return script if letters >= LEAST_LETTERS and 2 * letters > counts.total() else ""


@cache
def _script(character: str) -> str:
    """Return the script of a letter by the first word of its Unicode name; "" for what is no letter."""
    if unicodedata.category(character) not in ("Lu", "Ll", "Lt", "Lo"):
        return ""
    word = unicodedata.name(character, "").partition(" ")[0]
    return "EAST ASIAN" if word in EAST_ASIAN else word


def swapped_sides(pairs: Sequence[Pair]) -> Iterator[Finding]:
    """Yield pairs whose source reads like the other targets and whose target like the other sources.

    A text reads like a side if its pairs of neighbouring letters are likelier there.
    """
    leaning = _leaning(pairs[:: len(pairs) // LEARNT_FROM + 1])
    leanings = [(pair.line, leaning(pair.source), leaning(pair.target)) for pair in pairs]
    lines = [line for line, source, target in leanings if source < -SWAPPED and target > SWAPPED]
    right = sum(source > 0 > target for _, source, target in leanings)
    if right + len(lines) >= TOLD_APART * len(pairs):
        yield from found(
            "swapped", lines, pairs, "{n} pair{s} whose sides seem to be swapped", "look at some; swap them back"
        )


def _leaning(pairs: Sequence[Pair]) -> Callable[[str], float]:
    """Return a function that tells by how many nats a text is likelier as a source than as a target."""
    sources, targets = (Counter(pair for text in texts for pair in _bigrams(text)) for _, texts in _sides(pairs))
    kinds = len(sources | targets)
    base = log(targets.total() + kinds + 1) - log(sources.total() + kinds + 1)
    weights = {pair: log(sources[pair] + 1) - log(targets[pair] + 1) + base for pair in sources | targets}

    def leaning(text: str) -> float:
        return sum((weights.get(pair, base) for pair in _bigrams(text)), 0.0)

    return leaning


def _bigrams(text: str) -> Iterator[str]:
    text = text.lower()
    return map(str.__add__, text, text[1:])


def _sides(pairs: Sequence[Pair]) -> tuple[tuple[str, list[str]], tuple[str, list[str]]]:
    return ("source", [pair.source for pair in pairs]), ("target", [pair.target for pair in pairs])
