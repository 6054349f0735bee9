"""The baseline of the phrasebook: look the most similar phrase up instead of translating."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from regard.data.pairs import Pair


def nearest_training_phrase(train: Sequence[Pair], sources: Sequence[str]) -> list[str]:
    """Return for each source the target of the training pair whose source is most like it.

    Likeness is Dice's coefficient of the sets of letter trigrams; of equally similar phrases the first is taken.
    Raises ValueError if there are no training pairs.
    """
    if not train:
        raise ValueError("there are no training pairs to look up")
    holders: dict[str, list[int]] = defaultdict(list)
    sizes_P = np.empty(len(train))
    for row, pair in enumerate(train):
        trigrams = _trigrams(pair.source)
        sizes_P[row] = len(trigrams)
        for trigram in trigrams:
            holders[trigram].append(row)
    rows_of = {trigram: np.array(rows) for trigram, rows in holders.items()}

    targets = []
    for source in sources:
        trigrams = _trigrams(source)
        found = [rows_of[trigram] for trigram in trigrams if trigram in rows_of]
        shared_P = np.bincount(np.concatenate(found), minlength=len(train)) if found else np.zeros(len(train))
        targets.append(train[int(np.argmax(2 * shared_P / (sizes_P + len(trigrams))))].target)
    return targets


def _trigrams(text: str) -> set[str]:
    padded = f"  {text} "
    return {padded[i : i + 3] for i in range(len(padded) - 2)}
