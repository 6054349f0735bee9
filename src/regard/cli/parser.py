"""argparse with good manners: options stand anywhere, none is abbreviated, and a mistake is one line with a guess."""

import argparse
import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import NoReturn

from regard.errors import UsageError

EXPECTED = {"int": ("a whole number", "such as 4"), "float": ("a number", "such as 0.5")}


def did_you_mean(word: str, known: Iterable[str], otherwise: str) -> str:
    """Return a hint that names what `word` is most like, or `otherwise` if it is like nothing known."""
    names = {name.lstrip("-"): name for name in known}
    close = get_close_matches(word.lstrip("-"), names, n=1)
    return f"did you mean {names[close[0]]}?" if close else otherwise


class Parser(argparse.ArgumentParser):
    """A parser that raises UsageError instead of printing its usage and exiting."""

    def __init__(self, prog: str, summary: str, *, usage: str | None = None, epilog: str | None = None) -> None:
        formatter = argparse.RawDescriptionHelpFormatter
        super().__init__(prog, usage, summary, epilog, formatter_class=formatter, allow_abbrev=False)

    def read(self, arguments: Sequence[str]) -> argparse.Namespace:
        """Return the values of all arguments; options may stand before, between and after the others.

        Raises UsageError, with a guess at what was meant, if anything is unknown, missing or of the wrong type.
        """
        self._refuse_unknown_options(arguments)
        # argparse of Python 3.11 forgets "--" when it looks for options between the others
        parse = self.parse_known_args if "--" in arguments else self.parse_known_intermixed_args
        values, rest = parse(arguments)
        if rest:
            raise UsageError("one argument too many", where=rest[0], hint=self._see_help())
        return values

    def error(self, message: str) -> NoReturn:
        """Say what argparse found, in the words of the other errors."""
        if missing := re.fullmatch(r"the following arguments are required: (.*)", message):
            raise UsageError("missing", where=missing[1], hint=self._see_help())
        argument = re.fullmatch(r"argument (?:\S+/)?(\S+): (.*)", message)
        where, problem = argument.groups() if argument else (self.prog, message)
        if wrong := re.fullmatch(r"invalid (int|float) value: (.*)", problem):
            expected, example = EXPECTED[wrong[1]]
            raise UsageError(f"expected {expected}, got {wrong[2]}", where=where, hint=example)
        if choice := re.fullmatch(r"invalid choice: '?(.*?)'? \(choose from (.*)\)", problem):
            known = choice[2].replace("'", "")
            hint = did_you_mean(choice[1], known.split(", "), f"one of {known}")
            raise UsageError(f"unknown value {choice[1]!r}", where=where, hint=hint)
        raise UsageError(problem, where=where, hint=self._see_help())

    def _refuse_unknown_options(self, arguments: Sequence[str]) -> None:
        known = self._option_string_actions
        for argument in arguments:
            if argument == "--":
                return
            name = argument.partition("=")[0]
            is_option = re.match(r"--?[^\d.\s-]\S*$", name)
            if is_option and name not in known and (name.startswith("--") or name[:2] not in known):
                raise UsageError("unknown option", where=name, hint=did_you_mean(name, known, self._see_help()))

    def _see_help(self) -> str:
        return f"see {self.prog} --help"
