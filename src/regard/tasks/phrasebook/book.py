"""Phrases in two locales, split so that a test phrase has a value that was never trained on, yet no unknown word."""

from collections.abc import Iterator, Sequence
from random import Random

from regard.data.pairs import Pair
from regard.errors import ConfigError
from regard.metrics.alignments import Gold
from regard.tasks.base import Splits
from regard.tasks.configs import PhrasebookConfig
from regard.tasks.phrasebook.dice import Dice
from regard.tasks.phrasebook.gold import MarkingWriter, aligned
from regard.tasks.phrasebook.inventory import Inventory, take_inventory
from regard.tasks.phrasebook.meanings import Meaning
from regard.tasks.phrasebook.phrases import PATTERNS, Pattern
from regard.tasks.phrasebook.words import words
from regard.tasks.phrasebook.writer import MissingError, Writer
from regard.tasks.splits import SPLITS, Split

PROBES = 48  # phrases by which patterns are compared; enough to meet every month
_PATIENCE = 2000  # phrases refused in a row before a split counts as impossible to fill


class Phrasebook:
    """The task of saying phrases of one locale as another does.

    No source and no target is in two splits, no source has two targets, every held-out phrase has a value that belongs
    to its split alone, and every word of it has been trained on.
    """

    def __init__(self, config: PhrasebookConfig) -> None:
        self.config = config

    def splits(self) -> Splits:
        """Make the pairs; the report names the patterns in use and why others are not.

        Raises ConfigError if Babel has no such locale, or if the two have too little in common for so many phrases.
        """
        return self._collected()[0]

    def aligned(self, split: Split) -> list[tuple[Pair, Gold]]:
        """Return the pairs of a split, each with the alignment of its words.

        Raises ConfigError as `splits` does.
        """
        splits, collector = self._collected()
        writers = MarkingWriter(self.config.source), MarkingWriter(self.config.target)
        pairs: Sequence[Pair] = getattr(splits, split)
        return [(pair, aligned(collector.meanings[pair.source], *writers)[2]) for pair in pairs]

    def _collected(self) -> "tuple[Splits, _Collector]":
        source, target = (self._writer(side) for side in ("source", "target"))
        inventory = take_inventory(source, target)
        patterns, skipped = shared_patterns(source, target, inventory)
        collector = _Collector(source, target, list(patterns.values()))
        sizes = zip(SPLITS, (self.config.train, self.config.valid, self.config.test), strict=True)
        dice = {split: Dice(Random(f"{self.config.seed} {split}"), split, inventory) for split in SPLITS}
        train, valid, test = (collector.collect(size, split, dice[split]) for split, size in sizes)
        return Splits(train, valid, test, {"patterns": list(patterns), "skipped": skipped}), collector

    def _writer(self, side: str) -> Writer:
        try:
            return Writer(getattr(self.config, side))
        except ConfigError as error:
            raise error.within(f"task.{side}") from None


def shared_patterns(source: Writer, target: Writer, inventory: Inventory) -> tuple[dict[str, Pattern], dict[str, str]]:
    """Return the patterns that two locales share, and why each of the others is left out.

    Patterns of the same build draw the same values from the same seed. So where two of them look alike in the source
    and not in the target, they are found out and the later one is left out: English "May 5, 2024" may be short for
    Portuguese "5 de mai. de 2024" as well as for "5 de maio de 2024".
    """
    said: dict[str, str] = {}
    compared: set[Meaning] = set()
    shared: dict[str, Pattern] = {}
    skipped: dict[str, str] = {}
    for name, pattern in PATTERNS.items():
        try:
            meanings = [pattern(Dice(Random(seed), "train", inventory)) for seed in range(PROBES)]
            parts = {part for meaning in meanings for part in _within(meaning)} - compared
            texts = {(part.write(source), part.write(target)) for part in parts}
        except MissingError as error:
            skipped[name] = f"no data for {error}"
            continue
        if len(said | dict(texts)) < len(said.items() | texts):
            skipped[name] = "one source would have two targets"
        else:
            shared[name] = pattern
            compared |= parts
            said.update(texts)
    return shared, skipped


def _within(meaning: Meaning) -> Iterator[Meaning]:
    yield meaning
    for part in meaning.parts:
        yield from _within(part)


class _Collector:
    """Fills one split after the other, training first, and remembers what may not come again."""

    def __init__(self, source: Writer, target: Writer, patterns: Sequence[Pattern]) -> None:
        self.source, self.target, self.patterns = source, target, patterns
        self.meanings: dict[str, Meaning] = {}  # of all pairs, by their sources
        self._targets: dict[str, Split] = {}
        self._words: tuple[set[str], set[str]] = set(), set()  # of the training sources and targets

    def collect(self, size: int, split: Split, dice: Dice) -> list[Pair]:
        """Return so many pairs that go with those returned before."""
        pairs: list[Pair] = []
        refused = 0
        while len(pairs) < size:
            said = self._say(dice)
            if said is not None and self._goes(said[0], split):
                pairs.append(said[0])
                self._remember(*said, split)
                refused = 0
            elif (refused := refused + 1) > _PATIENCE:
                both = f"{self.source.locale} and {self.target.locale}"
                problem = f"{both} give no more than {len(pairs)} phrases to {split} with, not {size}"
                raise ConfigError(problem, hint="ask for fewer, or choose other locales")
        return pairs

    def _say(self, dice: Dice) -> tuple[Pair, Meaning] | None:
        before = dice.own
        try:
            meaning = dice.pick(self.patterns)(dice)
            if dice.own == before and dice.split != "train":  # one of this and two of that
                return None
            return Pair(meaning.write(self.source), meaning.write(self.target)), meaning
        except MissingError:
            return None

    def _goes(self, pair: Pair, split: Split) -> bool:
        if pair.source in self.meanings or self._targets.get(pair.target, split) != split:
            return False
        return split == "train" or (
            self._words[0].issuperset(words(pair.source)) and self._words[1].issuperset(words(pair.target))
        )

    def _remember(self, pair: Pair, meaning: Meaning, split: Split) -> None:
        self.meanings[pair.source] = meaning
        self._targets[pair.target] = split
        if split == "train":
            self._words[0].update(words(pair.source))
            self._words[1].update(words(pair.target))
