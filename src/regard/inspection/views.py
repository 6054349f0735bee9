"""The maps that can be shown of one pair: of heads, or by a method; in words or in tokens."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from regard.errors import UsageError
from regard.inference.engine import Tokens
from regard.inspection.alignment import Reading
from regard.inspection.attribution import Attribution, Method, PairWords
from regard.inspection.contributions import contributions
from regard.inspection.gradients import gradient_times_input
from regard.inspection.heads import Head, heads_of
from regard.inspection.maps import WEIGHTS, WHAT_IT_IS_NOT, AttentionMap
from regard.inspection.occlusion import occlusion
from regard.inspection.rollout import rollout
from regard.inspection.subject import Subject
from regard.inspection.trace import AttentionTrace
from regard.inspection.words import Words

METHOD: Mapping[Method, Callable[..., Attribution]] = {
    "rollout": rollout,
    "contribution": contributions,
    "gradient": gradient_times_input,
    "occlusion": occlusion,
}
"""Each is called with a subject, source, target and words=..."""

NOT_OF_ANY = "This is where the heads read, not what changed the output."
NOT_OF_NORMS = "This is the length of what the head added, not what that changed in the output."


def head_map(
    subject: Subject, trace: AttentionTrace, source: Tokens, target: Tokens, head: Head, *, words: bool = True
) -> AttentionMap:
    """Return what one head of a trace gave: rows are read where they are written.

    Raises UsageError if the model has no such head.
    """
    known = heads_of(subject.model)
    if head not in known:
        hint = f"it has {known[0]} to {known[-1]}" if known else "it has no attention"
        raise UsageError(f"the model has no {head}", where="--head", hint=hint)
    pair = PairWords.of(subject, source, target, words=words)
    rows, columns = _sides(pair, head)
    weights = rows.means(columns.sums(trace[head].double().numpy()))
    title = f"{trace.measure.capitalize()}s of {head.words}"
    not_this = NOT_OF_NORMS if trace.measure == "norm" else _not_of_weights(head)
    unit = "length of weight · value · output projection" if trace.measure == "norm" else WEIGHTS
    return AttentionMap(title, rows.texts, columns.texts, weights, not_this, unit)


def all_heads(
    subject: Subject, trace: AttentionTrace, source: Tokens, target: Tokens, *, words: bool = True
) -> list[AttentionMap]:
    """Return the maps of all heads, each by its short name: kind by kind, layer by layer."""
    not_this = NOT_OF_NORMS if trace.measure == "norm" else NOT_OF_ANY
    heads = heads_of(subject.model)
    found = [head_map(subject, trace, source, target, head, words=words) for head in heads]
    return [replace(each, title=str(head), not_this=not_this) for each, head in zip(found, heads, strict=True)]


def reading_map(
    subject: Subject, trace: AttentionTrace, source: Tokens, target: Tokens, reading: Reading
) -> AttentionMap:
    """Return what the head of a reading gave source words, each row at the step where the reading reads it."""
    pair = PairWords.of(subject, source, target)
    weights = trace[reading.head].double().numpy()
    rows = weights[:-1] if reading.step == "output" else weights[1:]
    shares = pair.target.shares[: len(rows), pair.target.plain]
    words = (shares / shares.sum(axis=0)).T @ pair.source.sums(rows)
    texts = tuple(pair.target.texts[i] for i in pair.target.plain)
    unit = "length of weight · value · output projection" if reading.measure == "norm" else WEIGHTS
    not_this = NOT_OF_NORMS if reading.measure == "norm" else WHAT_IT_IS_NOT
    return AttentionMap(reading.words.capitalize(), texts, pair.source.texts, words, not_this, unit)


def _sides(pair: PairWords, head: Head) -> tuple[Words, Words]:
    if head.kind == "encoder":
        return pair.source, pair.source
    return pair.target, pair.prefix if head.kind == "decoder" else pair.source


def _not_of_weights(head: Head) -> str:
    who = "encoder" if head.kind == "encoder" else "decoder"
    return f"This is where the {who} read, not what changed the output."
