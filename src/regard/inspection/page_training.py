"""Attention over training time, as a page shows it: one held-out pair at several steps."""

from pathlib import Path
from typing import Any

import numpy as np

from regard.inspection.attribution import PairWords
from regard.inspection.heads import KINDS
from regard.inspection.page import ROLE_OF_KIND, Gathered, packed_maps, sides_of
from regard.inspection.probes import read_probes
from regard.inspection.subject import Subject
from regard.inspection.trace import AttentionTrace

MOST_STEPS = 24
"""Steps that a page keeps at most: the first, the last, and some between."""

MOST_BYTES = 120_000
"""Packed bytes of all steps at most; of long probes fewer steps are kept."""


def gather_training(subject: Subject, run: Path) -> Gathered | None:
    """Return the first pair that a training looked into again and again, at steps spread evenly; None if it did not.

    Raises CheckpointError if files are damaged.
    """
    seen = list(read_probes(run))
    count = min(MOST_STEPS, len(seen))
    while count > 0:
        found = _gathered(subject, [seen[i] for i in _spread(len(seen), count)], len(seen))
        if count <= 2 or sum(map(len, found.bytes.values())) <= MOST_BYTES:
            return found
        count = count * 2 // 3
    return None


def _spread(total: int, count: int) -> list[int]:
    return sorted({round(i) for i in np.linspace(0, total - 1, count)})


def _gathered(subject: Subject, seen: list[tuple[int, list[AttentionTrace]]], steps: int) -> Gathered:
    first = seen[0][1][0]
    source, target = first.source[:-1], first.target_out[:-1]
    join = subject.sides.source.tokenizer.join, subject.sides.target.tokenizer.join
    found = Gathered({})
    looks = [
        {"step": step, "kinds": _kinds(found.bytes, f"training/{step}", traces[0])} for step, traces in seen if traces
    ]
    texts = {"text": join[0](source), "output": join[1](target)}
    pair = PairWords.of(subject, source, target), PairWords.of(subject, source, target, words=False)
    found.values.update({**texts, "sides": sides_of(*pair), "steps": looks, "of": steps})
    return found


def _kinds(into: dict[str, str], place: str, trace: AttentionTrace) -> dict[str, Any]:
    kinds: dict[str, Any] = {}
    for kind in KINDS:
        if trace.layers[kind]:
            weights_LHQK = np.stack([layer.double().numpy() for layer in trace.layers[kind]])
            rows, columns = ROLE_OF_KIND[kind]
            packed = packed_maps(into, f"{place}/{kind}", weights_LHQK, fine=False)
            kinds[kind] = {**packed, "kind": kind, "rows": rows, "columns": columns, "values": None, "vectors": []}
    return kinds
