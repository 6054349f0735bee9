"""What a head mostly does, in a word: its role, which is a label for numbers and no explanation.

Source  the roles of Voita et al. 2019, section 5, by mean weights
"""

from typing import Literal, NamedTuple, get_args

from regard.inspection.corpus import HeadReport

RoleName = Literal["previous", "next", "positional", "sink", "alignment", "rare", "mixed"]

ROLES: tuple[RoleName, ...] = get_args(RoleName)

ENOUGH = 0.5
"""From what share on a head has a role: half of its weight, of its queries, or of its links."""

NEAR = 5
"""Offsets that count as positional, to either side."""


class Role(NamedTuple):
    """A role and the share that speaks for it."""

    name: RoleName
    share: float
    offset: int | None = None  # of a positional head: where its keys stand, seen from the query


def role_of(report: HeadReport, alignment_error: float | None = None) -> Role:
    """Return the role that most speaks for, or "mixed".

    previous, next, positional    mean weight of one offset        sink    weight on BOS and EOS
    rare        queries that look most at the rarest token         alignment    1 - alignment error rate
    """
    found = [Role("sink", report.special), Role("rare", report.rarest)]
    if alignment_error is not None:
        found.append(Role("alignment", 1 - alignment_error))
    names: dict[int, RoleName] = {-1: "previous", 1: "next"} if report.head.kind != "encoder-decoder" else {}
    for offset, share in report.offsets.items():
        if abs(offset) <= NEAR:
            found.append(Role(names.get(offset, "positional"), share, offset))
    best = max(found, key=lambda role: role.share)
    return best if best.share >= ENOUGH else Role("mixed", best.share)
