"""Early signs that a training goes wrong, each with what to do."""

from collections import Counter
from collections.abc import Iterator, Sequence

from regard.data.pairs import Pair
from regard.training.progress import Progress, ValidationReport


def look_for_trouble(
    report: ValidationReport, progress: Progress, pairs: Sequence[Pair], outputs: Sequence[str], unigram: float
) -> Iterator[str]:
    """Yield a sentence for everything in a validation that looks wrong.

    `unigram` is the loss, in nats per token, of a model that knows nothing but how often each token occurs.
    """
    if report.loss > 0.98 * unigram and len(progress.valid) >= 2:
        yield (
            f"nothing learnt from the sources yet: {report.loss:.2f} nats per token, and word counts alone give "
            f"{unigram:.2f}; try a lower training.optimizer.rate or a longer training.schedule.warmup"
        )
    if overfits(progress.recent, progress.valid):
        yield (
            "the training loss falls while the held-out loss rises: it learns by heart; more model.dropout, "
            "training.objective=r-drop, a smaller model or fewer steps help (the best weights are kept)"
        )
    yield from _odd_outputs(pairs, outputs)


def overfits(train: Sequence[float], valid: Sequence[float], validations: int = 4) -> bool:
    """Return whether the training loss fell and the held-out loss rose at each of the last validations."""
    if len(valid) < validations:
        return False
    falls = all(b < a for a, b in zip(train[-validations:], train[1 - validations :], strict=False))
    rises = all(b > a for a, b in zip(valid[-validations:], valid[1 - validations :], strict=False))
    return falls and rises


def _odd_outputs(pairs: Sequence[Pair], outputs: Sequence[str]) -> Iterator[str]:
    total = len(outputs)
    if total < 10:
        return
    text, count = Counter(outputs).most_common(1)[0]
    if count > 0.2 * total and len({pair.target for pair in pairs}) > 0.8 * total:
        yield f"{count} of {total} outputs are the same, {text[:40]!r}; if it stays so, lower training.optimizer.rate"
    empty = sum(not output.strip() for output in outputs)
    if empty > 0.1 * total:
        yield f"{empty} of {total} outputs are empty; look for empty or very short targets with regard check"
    copies = sum(output == pair.source != pair.target for pair, output in zip(pairs, outputs, strict=True))
    if copies > 0.5 * total:
        yield f"{copies} of {total} outputs copy their source; look for untranslated pairs with regard check"
    loops = sum(_loops(output) for output in outputs)
    if loops > 0.2 * total:
        yield f"{loops} of {total} outputs repeat themselves; usual early in training, else train longer"


def _loops(text: str) -> bool:
    words = text.split()
    grams = Counter(zip(words, words[1:], words[2:], strict=False))
    return bool(grams) and grams.most_common(1)[0][1] > 3
