"""regard translate: read lines, write their translations.

One line in, one line out, in order, whatever stands in it; the rest of this file is about telling what became of it.
"""

import argparse
import json
import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from regard.cli.answers import Notes, finite
from regard.cli.engines import add_engine_arguments, chosen_engine
from regard.cli.streams import tell
from regard.errors import ConfigError, DataError, UsageError

if TYPE_CHECKING:
    from regard.decoding.types import DecodingConfig
    from regard.inference.translation import Output, Translation
    from regard.inference.translator import Translator

SETTINGS = ("beams", "n_best", "temperature", "top_k", "top_p", "seed", "min_length", "max_length", "no_repeat")
"""Options that change the setting of the same name."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `regard translate`."""
    add = parser.add_argument
    add("run", metavar="RUN", help="folder of a run or of a model")
    add("file", metavar="FILE", nargs="?", default="-", help="lines to translate, plain or gzip; default: - (stdin)")
    add("--output", metavar="F", help="write F instead of stdout, whole or not at all")
    add("--json", action="store_true", help="one object a line: line, status, text, score, tokens, alternatives ...")
    add("--n-best", type=int, metavar="K", help="K lines for each line: its number, rank, score, text; tabs between")
    add("--alignments", action="store_true", help="after each line, a tab and its word alignment, such as 0-0 1-2 2-1")
    add("--prefix", metavar="TEXT", help="what every translation starts with")
    add(
        "--over-long",
        choices=("refuse", "split", "cut"),
        help="what to do with too many tokens; default: split, or cut if the model learnt from cut texts",
    )
    add("--ensemble", nargs="+", action="extend", default=[], metavar="RUN", help="further models, to decode as one")
    add_engine_arguments(parser)
    add("--window", type=int, metavar="N", help="lines read ahead; default: 2048, or 1 if they are typed in")
    search = parser.add_argument_group("how to search (default: as the model folder says)")
    add = search.add_argument
    add("--beams", type=int, metavar="N", help="hypotheses kept at every step")
    add("--length", choices=("none", "gnmt", "power"), help="length normalisation of beam search")
    add("--alpha", type=float, metavar="X", help="its exponent")
    add("--sample", action="store_true", help="draw every token instead")
    add("--temperature", type=float, metavar="X", help="below 1: likelier tokens")
    add("--top-k", type=int, metavar="K", help="draw from the K likeliest tokens; 0 = all")
    add("--top-p", type=float, metavar="P", help="draw from the likeliest that have probability P together")
    add("--seed", type=int, metavar="N", help="another seed, another sample")
    add("--min-length", type=int, metavar="N", help="tokens at least")
    add("--max-length", type=int, metavar="N", help="tokens at most")
    add("--no-repeat", type=int, metavar="N", help="no N tokens in a row twice; 0 = allowed")


def run(args: argparse.Namespace) -> int:
    """Translate to the end of the input, or up to a line that is not text."""
    from regard.inference.engine import WINDOW
    from regard.inference.translator import Translator

    changes, lines, notes = _changes(args), _Lines.of(args.file), Notes()
    typed_in = args.file == "-" and os.isatty(0)
    window = args.window if args.window is not None else 1 if typed_in else WINDOW
    translator = Translator.load([args.run, *args.ensemble], window=window, **chosen_engine(args))
    aligned = _aligner(args, translator)
    config = _adjusted(translator.folder.settings.decoding, changes)
    with _destination(args.output) as out:
        written = _json if args.json else _ranked if config.n_best > 1 else _plain
        translations = translator.translate(iter(lines), decoding=config, prefix=args.prefix, over_long=args.over_long)
        with _progress(args) as advance:
            for number, translation in enumerate(translations, start=1):
                out.writelines(f"{line}\n" for line in written(number, translation, aligned(translation)))
                if number % window == 0:
                    out.flush()
                notes.add(number, {translation.status, "ok" if translation.ended else "unfinished"})
                advance(translation.source)
        notes.show()
        if lines.problem:
            raise lines.problem
    return 0


def _changes(args: argparse.Namespace) -> dict[str, Any]:
    """Return the settings of the search that the options change."""
    if args.sample and args.beams is not None:
        raise UsageError("cannot go with --sample", where="--beams", hint="choose one of the two")
    changes = {name: getattr(args, name) for name in SETTINGS if getattr(args, name) is not None}
    if args.sample or args.beams is not None:
        changes["kind"] = "sampling" if args.sample else "beam"
    length = {"kind": args.length, "alpha": args.alpha}
    if length := {name: value for name, value in length.items() if value is not None}:
        changes["length"] = length
    return changes


def _adjusted(config: "DecodingConfig", changes: dict[str, Any]) -> "DecodingConfig":
    from regard.inference.adjusted import adjusted

    try:
        return adjusted(config, changes)
    except ConfigError as error:
        option = error.where.replace("length.alpha", "alpha").replace("_", "-")
        raise UsageError(error.problem, where=f"--{option}", hint=error.hint) from None


def _destination(path: str | None) -> AbstractContextManager[IO[str]]:
    from regard.files import new_file

    if path is not None:
        return new_file(Path(path))
    if sys.stdout is None:
        raise UsageError("is closed", where="standard output", hint="give --output a file")
    return nullcontext(sys.stdout)


@dataclass
class _Lines:
    """Lines of text; one that cannot be read ends them and is kept, so that those before it are still answered."""

    lines: Iterator[str]
    problem: DataError | None = None

    @classmethod
    def of(cls, path: str) -> "_Lines":
        """Open a file.

        Raises DataError if not even its first line can be read; standard input is not waited for.
        """
        from regard.data.lines import STANDARD_INPUT, read_lines

        lines = read_lines(path)
        return cls(lines if path == STANDARD_INPUT else chain(list(islice(lines, 1)), lines))

    def __iter__(self) -> Iterator[str]:
        try:
            yield from self.lines
        except DataError as error:
            self.problem = error


def _aligner(args: argparse.Namespace, translator: "Translator") -> Callable[["Translation"], str | None]:
    """Return what gives a translation's word alignment: None unless it is asked for."""
    if not args.alignments:
        return lambda translation: None
    from regard.cli.alignments import best_reading
    from regard.inspection.translated import alignment_of
    from regard.run import run_of

    if (args.n_best or 1) > 1 and not args.json:
        raise UsageError("cannot go with --n-best", where="--alignments", hint="choose one of the two")
    choice = best_reading(translator, run_of(args.run))
    if choice is None:
        hint = "give the folder of a run: the head is chosen on its held-out pairs"
        raise UsageError("which head aligns best?", where="--alignments", hint=hint)
    tell(f"note: alignments are {choice.words}")
    return lambda translation: alignment_of(translator, translation, choice.reading)


def _plain(number: int, translation: "Translation", alignment: str | None) -> Iterator[str]:
    yield _in_one_line(translation.text) + ("" if alignment is None else f"\t{alignment}")


def _ranked(number: int, translation: "Translation", alignment: str | None) -> Iterator[str]:
    for rank, output in enumerate((translation, *translation.alternatives), start=1):
        yield f"{number}\t{rank}\t{output.score:.4f}\t{_in_one_line(output.text)}"


def _json(number: int, translation: "Translation", alignment: str | None) -> Iterator[str]:
    values = {"line": number, "status": translation.status, **_values(translation)}
    if alignment is not None:
        values["alignment"] = alignment
    values["alternatives"] = [_values(output) for output in translation.alternatives]
    yield json.dumps(values, ensure_ascii=False, allow_nan=False)


def _values(output: "Output") -> dict[str, Any]:
    return {
        "text": output.text,
        "score": finite(output.score),
        "log_prob": finite(output.log_prob),
        "ended": output.ended,
        "tokens": output.tokens,
        "token_log_probs": [finite(log_prob) for log_prob in output.token_log_probs],
    }


def _in_one_line(text: str) -> str:
    """Return the text with spaces for line ends, which a model may have learnt from texts of many lines."""
    return text.replace("\r\n", " ").replace("\n", " ").replace("\r", " ")


@contextmanager
def _progress(args: argparse.Namespace) -> Iterator[Callable[[str], None]]:
    """Yield what to call with every line that is answered; shows a bar where it disturbs nobody and has an end."""
    alone = sys.stderr is not None and sys.stderr.isatty() and (args.output or not sys.stdout.isatty())
    size = _size(args.file) if alone else None
    if size is None:
        yield lambda line: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TimeRemainingColumn

    columns = BarColumn(), TaskProgressColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=size)
        yield lambda line: bar.advance(task, len(line.encode()) + 1)


def _size(path: str) -> int | None:
    """Return the bytes of text to be read, if that is known beforehand."""
    status = os.fstat(0) if path == "-" else Path(path).stat()
    return status.st_size if stat.S_ISREG(status.st_mode) and not path.endswith(".gz") else None
