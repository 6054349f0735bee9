"""A shortlist: the output tokens that are thought of for a source, learnt from pairs; no torch.

The last linear map makes a number for every token of the vocabulary, though a source calls for few of them. The list
has the tokens that are common in any target, and for each source token those that it makes most likely. A source with a
token that has no list of its own is translated with the whole vocabulary.

Source  Jean et al. 2015, on using very large target vocabulary; the tokens by Dyer et al. 2013 (`text/aligner.py`)
"""

import json
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from regard.errors import CheckpointError, DataError
from regard.files import write_bytes
from regard.model_folder import ModelFolder
from regard.text.vocabulary import BOS, EOS, PAD, SPECIAL, UNK

FILE = "shortlist.bin"
"""Beside the weights, in the model folder."""

COMMON = 300
"""Most frequent target tokens, which are thought of for any source."""

EACH = 60
"""Target tokens that are thought of for each source token, besides."""

SEEN = 3
"""Times that a source token must have been seen for its list to be trusted."""

MOST_CELLS = 20_000_000
"""Source tokens times target tokens, pair by pair, to learn from at most: the aligner takes 60 bytes for each."""

_FORMAT = "regard shortlist 1"
_ID, _PLACE = "i", "q"  # 4 and 8 bytes


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of the targets of some pairs stands on the lists of their sources."""

    listed: int  # target tokens
    tokens: int
    whole: int  # sources that call for the whole vocabulary
    lengths: list[int]  # of the lists

    @property
    def words(self) -> str:
        """Say it in a line."""
        share, mean = self.listed / max(self.tokens, 1), sum(self.lengths) / max(len(self.lengths), 1)
        return f"{share:.2%} of target tokens are listed; a source has {mean:,.0f} on average, {self.whole:,} have all"


@dataclass(frozen=True, slots=True)
class Shortlist:
    """Ids of target tokens; `listed[first[s] : first[s + 1]]` are those of source token s."""

    common: "array[int]"
    first: "array[int]"  # one more than there are source tokens
    listed: "array[int]"

    @classmethod
    def learn(cls, folder: ModelFolder, pairs: Iterable[tuple[str, str]]) -> "Shortlist":
        """Learn from texts that a model could have learnt from.

        Raises DataError if there are none.
        """
        from regard.text.aligner import Aligner

        source, target = folder.sides.source, folder.sides.target
        split = [(source.tokenizer.split(text), target.tokenizer.split(other)) for text, other in pairs]
        split = list(_affordable(pair for pair in split if all(pair)))
        if not split:
            raise DataError("there are none to learn a shortlist from", where="pairs", hint="name a file of pairs")
        special = {PAD, BOS, UNK}
        counts = Counter(i for _, tokens in split for i in target.vocabulary.ids(tokens) if i not in special)
        common = array(_ID, sorted({EOS, *(i for i, _ in counts.most_common(COMMON))}))
        seen = Counter(token for tokens, _ in split for token in tokens)
        likely = Aligner.learn(split).likely(EACH)
        first, listed = array(_PLACE, [0]), array(_ID)
        for i, token in enumerate(source.vocabulary.entries):
            if i == EOS:
                listed.append(EOS)
            elif i >= len(SPECIAL) and seen[token] >= SEEN:
                listed.extend(sorted(set(target.vocabulary.ids(likely[token])) - special))
            first.append(len(listed))
        return cls(common, first, listed)

    @classmethod
    def open(cls, folder: ModelFolder) -> "Shortlist":
        """Read the list of a model folder.

        Raises CheckpointError if there is none, or it is damaged or for another vocabulary.
        """
        path = folder.path / FILE
        if not path.is_file():
            raise CheckpointError("there is no shortlist", where=str(path), hint="learn it with regard shortlist RUN")
        try:
            head, _, rest = path.read_bytes().partition(b"\n")
            described = json.loads(head)
            counts = [described[name] for name in ("common", "first", "listed")]
            parts = [array(_ID), array(_PLACE), array(_ID)]
            for part, count in zip(parts, counts, strict=True):
                part.frombytes(rest[: count * part.itemsize])
                rest = rest[count * part.itemsize :]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise _damaged(path, str(error)) from None
        found, (sources, targets) = cls(*parts), folder.sizes
        if described.get("format") != _FORMAT or described.get("sizes") != [sources, targets]:
            raise _damaged(path, "is of another vocabulary or another version")
        if rest or [len(part) for part in parts] != counts or not found._fits(sources, targets):
            raise _damaged(path, "is not whole")
        return found

    def _fits(self, sources: int, targets: int) -> bool:
        rising = all(a <= b for a, b in pairwise(self.first))
        ids = all(min(part) >= 0 and max(part) < targets for part in (self.common, self.listed) if part)
        whole = len(self.first) == sources + 1 and self.first[0] == 0 and self.first[-1] == len(self.listed)
        return rising and ids and whole and len(self.common) > 0

    @property
    def longest(self) -> int:
        """The most tokens that one source token has."""
        return max(b - a for a, b in pairwise(self.first))

    def tokens(self, source: Iterable[int]) -> set[int] | None:
        """Return the tokens that are thought of for the ids of a source, EOS included; None if that is all of them."""
        parts = [self.listed[self.first[i] : self.first[i + 1]] for i in source]
        return {EOS, *self.common, *(i for part in parts for i in part)} if all(parts) else None

    def coverage(self, folder: ModelFolder, pairs: Iterable[tuple[str, str]]) -> "Coverage":
        """Return how much of these targets stands on the lists of their sources, or can be copied from them."""
        source, target = folder.sides.source, folder.sides.target
        copies = folder.settings.model.copying.kind == "source"
        lengths, listed, tokens = [], 0, 0
        for text, other in pairs:
            read = [*source.vocabulary.ids(source.tokenizer.split(text)), EOS]
            thought_of = self.tokens(read)
            if thought_of is not None and copies:
                thought_of.update(read)
            ids = target.vocabulary.ids(target.tokenizer.split(other))
            lengths.append(folder.sizes[1] if thought_of is None else len(thought_of))
            tokens += len(ids)
            listed += len(ids) if thought_of is None else sum(i in thought_of for i in ids)
        return Coverage(listed, tokens, lengths.count(folder.sizes[1]), lengths)

    def save(self, folder: ModelFolder) -> Path:
        """Write the list into a model folder; return the file."""
        sizes = {"common": len(self.common), "first": len(self.first), "listed": len(self.listed)}
        head = json.dumps({"format": _FORMAT, "sizes": folder.sizes, **sizes}).encode() + b"\n"
        path = folder.path / FILE
        write_bytes(path, head + b"".join(part.tobytes() for part in (self.common, self.first, self.listed)))
        return path


def _affordable(pairs: Iterable[tuple[list[str], list[str]]]) -> Iterator[tuple[list[str], list[str]]]:
    """Yield the first pairs, as many as the aligner should learn from."""
    cells = 0
    for source, target in pairs:
        cells += (len(source) + 1) * len(target)
        if cells > MOST_CELLS:
            return
        yield source, target


def _damaged(path: Path, problem: str) -> CheckpointError:
    return CheckpointError(problem, where=str(path), hint="learn it anew with regard shortlist RUN")
