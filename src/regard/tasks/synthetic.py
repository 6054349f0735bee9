"""Copy, reverse and sort: made from a seed, learnt in a minute, and right or wrong beyond doubt."""

from abc import ABC, abstractmethod
from random import Random
from string import ascii_lowercase

from regard.data.pairs import Pair
from regard.errors import ConfigError
from regard.tasks.base import Splits
from regard.tasks.configs import SyntheticConfig
from regard.tasks.splits import Split, split_of

_PATIENCE = 2000  # strings refused in a row before a split counts as used up


class Synthetic(ABC):
    """Different strings of letters such as "b c a", and what becomes of them.

    Every string belongs to one split, whatever the seed, so none that is tested has been seen in training.
    """

    def __init__(self, config: SyntheticConfig) -> None:
        self.config = config

    @abstractmethod
    def answer(self, letters: list[str]) -> list[str]:
        """Return what becomes of the letters."""

    def splits(self) -> Splits:
        """Make the pairs.

        Raises ConfigError if there are not so many different strings.
        """
        config = self.config
        return Splits(
            self.pairs("train", config.train), self.pairs("valid", config.valid), self.pairs("test", config.test)
        )

    def pairs(self, split: Split, size: int) -> list[Pair]:
        """Make the pairs of one split.

        Raises ConfigError if there are not so many different strings.
        """
        random = Random(f"{self.config.seed} {split}")
        pairs: dict[str, Pair] = {}
        refused = 0
        while len(pairs) < size:
            letters = self._letters(random)
            source = " ".join(letters)
            if source not in pairs and split_of(source) == split:
                pairs[source] = Pair(source, " ".join(self.answer(letters)))
                refused = 0
            elif (refused := refused + 1) > _PATIENCE:
                problem = f"no more than {len(pairs)} different strings were found, not {size}"
                raise ConfigError(problem, where=f"task.{split}", hint="ask for fewer, or for longer ones")
        return list(pairs.values())

    def _letters(self, random: Random) -> list[str]:
        length = self.config.shortest + random.randrange(self.config.longest - self.config.shortest + 1)
        return [ascii_lowercase[random.randrange(self.config.symbols)] for _ in range(length)]


class Copy(Synthetic):
    """The same string."""

    def answer(self, letters: list[str]) -> list[str]:
        return letters


class Reverse(Synthetic):
    """The string from its end."""

    def answer(self, letters: list[str]) -> list[str]:
        return letters[::-1]


class Sort(Synthetic):
    """Its letters in the order of the alphabet."""

    def answer(self, letters: list[str]) -> list[str]:
        return sorted(letters)
