"""The shell around the commands: finds one by name, runs it, and says in one line what went wrong.

Exit codes: 0; 2 for what the user can mend (usage, data, config, model folder); 1 when the machine or the training
fails, or regard itself; 130 after Ctrl-C. A reader that closes our output has had enough: that is a quiet 0.
"""

import errno
import io
import os
import sys
import tempfile
import traceback
from collections.abc import Sequence
from importlib import import_module
from typing import NamedTuple

from regard import __version__
from regard.cli.parser import Parser, did_you_mean
from regard.errors import RegardError, UsageError


class Command(NamedTuple):
    """A module with `add_arguments(parser)` and `run(args) -> int`, imported when its command is asked for."""

    module: str
    summary: str


COMMANDS = {
    "quickstart": Command("regard.cli.quickstart", "learn a phrasebook in two languages, in minutes, from nothing"),
    "check": Command("regard.cli.check", "look for trouble in pairs of texts"),
    "train": Command("regard.cli.train", "make a model from pairs of texts"),
    "translate": Command("regard.cli.translate", "read lines, write their translations"),
    "evaluate": Command("regard.cli.evaluate", "measure a model on pairs of texts"),
    "score": Command("regard.cli.score", "tell how likely a model finds given pairs"),
    "look": Command("regard.cli.look", "show where a model looked, and what that was worth"),
    "compare": Command("regard.cli.compare", "tell whether one run is better than another"),
    "export": Command("regard.cli.export", "write a model in another program's form"),
    "import": Command("regard.cli.import_", "read a model in Hugging Face's format"),
    "shortlist": Command("regard.cli.shortlist", "learn which output words to think of, for speed"),
    "info": Command("regard.cli.info", "describe a run or a model folder"),
    "doctor": Command("regard.cli.doctor", "tell what this machine has and what is missing"),
}

DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
TORCH_MEMORY = ("can't allocate memory", "out of memory")
"""How torch, which raises a plain RuntimeError, says what a MemoryError says."""


def entry() -> None:
    """Run the command line and exit; what the script `regard` calls."""
    sys.exit(main())


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that `argv` names (by default the process's own) and return the exit code."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    _write_utf8()
    try:
        code = _run(arguments)
        if sys.stdout is not None:
            sys.stdout.flush()
    except BaseException as error:  # every way out is a code and at most a line
        return _explain(error, debug="--debug" in arguments)
    else:
        return code
    finally:
        _release_streams()


def _run(arguments: Sequence[str]) -> int:
    try:
        return _find_and_run(arguments)
    except SystemExit as done:  # argparse, after --help and --version
        return int(done.code or 0)


def _find_and_run(arguments: Sequence[str]) -> int:
    before = next((i for i, argument in enumerate(arguments) if not argument.startswith("-")), len(arguments))
    parser = _shell_parser()
    parser.read(arguments[:before])
    if before == len(arguments):
        parser.print_help(sys.stderr)
        return UsageError.exit_code
    name, rest = arguments[before], arguments[before + 1 :]
    if name not in COMMANDS:
        raise UsageError("unknown command", where=name, hint=did_you_mean(name, COMMANDS, "see regard --help"))
    for argument in rest:
        if not _is_text(argument):  # a file name of another encoding: it could not be written down
            raise UsageError("is not valid UTF-8", where=argument, hint="rename the file, or convert the text")
    command = import_module(COMMANDS[name].module)
    parser = Parser(f"regard {name}", f"{COMMANDS[name].summary[0].upper()}{COMMANDS[name].summary[1:]}.")
    command.add_arguments(parser)
    _add_debug(parser)
    code: int = command.run(parser.read(rest))
    return code


def _is_text(argument: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in argument)


def _shell_parser() -> Parser:
    rows = "\n".join(f"  {name:<12}{command.summary}" for name, command in COMMANDS.items())
    parser = Parser(
        "regard",
        "Pairs of texts to a trained, measured, translating encoder-decoder Transformer.",
        usage="regard [options] COMMAND ...",
        epilog=f"commands:\n{rows}\n\nregard COMMAND --help tells more; regard quickstart is the place to begin.",
    )
    parser.add_argument("--version", action="version", version=f"regard {__version__}", help="print the version")
    _add_debug(parser)
    return parser


def _add_debug(parser: Parser) -> None:
    parser.add_argument("--debug", action="store_true", help="show where in the code an error arose")


def _explain(error: BaseException, *, debug: bool) -> int:
    """Print the one line that the error deserves, after its traceback if asked for, and return the exit code."""
    if isinstance(error, BrokenPipeError):
        return 0
    code, line = _verdict(error, debug=debug)
    if sys.stderr is not None:
        try:
            if debug:
                traceback.print_exception(error)
            print(f"regard: {_printable(line)}", file=sys.stderr)
        except OSError:
            pass  # nobody reads the errors either; the code still tells
    return code


def _verdict(error: BaseException, *, debug: bool) -> tuple[int, str]:
    if isinstance(error, RegardError):
        return error.exit_code, str(error)
    if isinstance(error, KeyboardInterrupt):
        return 130, "interrupted"
    if isinstance(error, MemoryError) or any(words in str(error) for words in TORCH_MEMORY):
        return 1, "out of memory (close other programs, or choose a smaller model or smaller batches)"
    if isinstance(error, OSError) and error.errno in DISK_FULL:
        return 1, f"{error.filename or 'output'}: cannot be written: {error.strerror} (free some space)"
    if isinstance(error, OSError) and error.filename is not None:
        return 2, f"{error.filename}: {error.strerror} (check the path and its permissions)"
    what = f"{type(error).__name__}: {error}".partition("\n")[0]
    evidence = "the traceback above" if debug else _keep_traceback(error)
    return 1, f"{what} (a mistake in regard, not yours; please report it with {evidence})"


def _keep_traceback(error: BaseException) -> str:
    try:
        with tempfile.NamedTemporaryFile("wb", prefix="regard-", suffix=".txt", delete=False) as file:
            file.write("".join(traceback.format_exception(error)).encode("utf-8", "backslashreplace"))
    except OSError:
        return "what --debug shows"
    return file.name


def _printable(text: str) -> str:
    """Return `text` in one line, without characters that a terminal would obey or cannot show."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def _write_utf8() -> None:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def _release_streams() -> None:
    """Empty the streams; what cannot be delivered is dropped, or Python would try again at exit and complain."""
    for stream in (sys.stdout, sys.stderr):
        if stream is None or stream.closed:
            continue
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
