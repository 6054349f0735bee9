"""regard look RUN TEXT: one text, its translation, and the map that was asked for."""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regard.cli.answers import finite
from regard.cli.look import is_page, print_json, show_map
from regard.errors import UsageError

if TYPE_CHECKING:
    from rich.table import Table

    from regard.inference.engine import Tokens
    from regard.inference.translator import Translator
    from regard.inspection.alignment import Choice
    from regard.inspection.effects import Effect
    from regard.inspection.maps import AttentionMap
    from regard.inspection.subject import Subject
    from regard.inspection.trace import Measure
    from regard.run import Run

MEANS_FROM = 200
"""Held-out pairs over which the mean of a head is taken, at most."""

EFFECTS_SHOWN = 20
"""Heads in the table of effects; --json has all."""


@dataclass(frozen=True)
class Look:
    """What is looked at."""

    args: argparse.Namespace
    translator: "Translator"
    run: "Run | None"
    subject: "Subject"
    source: "Tokens"
    target: "Tokens"

    @classmethod
    def of(cls, args: argparse.Namespace) -> "Look":
        """Load the model, and translate unless a target is given."""
        from regard.inference.translator import Translator
        from regard.inspection.subject import Subject
        from regard.inspection.trace import source_tokens
        from regard.run import run_of

        run, translator = run_of(args.run), Translator.load(args.run)
        subject, source = Subject.behind(translator), source_tokens(translator, args.text)
        if args.target is None:
            target = translator.translate(args.text, over_long="cut").tokens
        else:
            target = tuple(subject.sides.target.tokenizer.split(args.target))
        return cls(args, translator, run, subject, source, target)

    @property
    def output(self) -> str:
        """The target as text."""
        return self.subject.sides.target.tokenizer.join(self.target)

    def means(self) -> Any:
        """Return what each head finds on average over pairs that the run held out; without a run, on this text."""
        from regard.cli.alignments import tokens_of
        from regard.cli.measured import held_out
        from regard.inspection.knockout import mean_contexts

        pairs = [(self.source, self.target)]
        if self.run is not None:
            pairs = tokens_of(self.subject, held_out(self.run, self.args.run)[:MEANS_FROM])
        return mean_contexts(self.subject, pairs)


def look_at_text(args: argparse.Namespace) -> int:
    """Show or write what was asked for."""
    look = Look.of(args)
    if is_page(args):
        from regard.cli.look_page import write_look_page

        write_look_page(look, Path(args.output))
        return 0
    if args.silence:
        return _tell_effects(look)
    if args.agree:
        return _tell_agreement(look)
    found, choice = _map(look)
    if args.output:
        _write(look, found)
    if args.json:
        print_json(_plain(look, found, choice))
    elif not args.output:
        print(f"{args.text}\n{look.output}\n")
        print(show_map(found))
        if choice:
            print(f"\nChosen as it measures best: {choice.words}.")
    return 0


def _map(look: Look) -> "tuple[AttentionMap, Choice | None]":
    """Return the map that was asked for; if none was, that of the head that measures best, and how good it is."""
    from regard.cli.alignments import best_reading
    from regard.inspection.heads import Head
    from regard.inspection.measures import sharpest_map
    from regard.inspection.trace import trace_subject
    from regard.inspection.views import METHOD, head_map, reading_map

    args, pair = look.args, (look.source, look.target)
    if args.measure in METHOD:
        if args.head:
            raise UsageError(f"{args.measure} is of no single head", where="--head", hint="choose weight or norm")
        return METHOD[args.measure](look.subject, *pair, words=not args.tokens).map(), None
    measure = _of_heads(args.measure)
    if args.head:
        trace = trace_subject(look.subject, *pair, measure)
        return head_map(look.subject, trace, *pair, Head.named(args.head), words=not args.tokens), None
    choice = best_reading(look.translator, look.run)
    if choice is None:
        return sharpest_map(trace_subject(look.subject, *pair)), None
    reading = choice.reading
    trace = trace_subject(look.subject, *pair, _of_heads(args.measure or reading.measure))
    if args.measure in (None, reading.measure) and not args.tokens:
        return reading_map(look.subject, trace, *pair, reading), choice
    return head_map(look.subject, trace, *pair, reading.head, words=not args.tokens), choice


def _of_heads(measure: str | None) -> "Measure":
    return "norm" if measure == "norm" else "weight"


def _write(look: Look, found: "AttentionMap") -> None:
    from regard.inspection.export import write_csv, write_npz
    from regard.inspection.trace import trace_subject
    from regard.inspection.views import all_heads

    args, path = look.args, Path(look.args.output)
    kind, measure = path.suffix[1:].lower(), _of_heads(args.measure)
    if kind == "csv":
        write_csv(path, found)
        return
    if kind == "npz":
        write_npz(path, trace_subject(look.subject, look.source, look.target, measure))
        return
    from regard.inspection.figure import write_figure

    maps, columns = [found], 1
    if args.all:
        trace = trace_subject(look.subject, look.source, look.target, measure)
        maps = all_heads(look.subject, trace, look.source, look.target, words=not args.tokens)
        columns = max(len(layer) for layers in trace.layers.values() for layer in layers)
    for sentence in write_figure(path, maps, columns):
        print(f"note: {sentence}", file=sys.stderr)


def _plain(look: Look, found: "AttentionMap", choice: "Choice | None") -> dict[str, Any]:
    values = {"title": found.title, "unit": found.unit, "is_not": found.not_this}
    table = {"rows": found.rows, "columns": found.columns, "values": found.weights.round(6).tolist()}
    chosen = {"chosen": choice.to_json()} if choice else {}
    return {"source": look.args.text, "target": look.output, **values, **table, **chosen}


def _tell_effects(look: Look) -> int:
    from regard.cli.tables import show
    from regard.inspection.effects import WHAT_IT_IS_NOT, effects_of, target_words
    from regard.inspection.heads import Head, heads_of
    from regard.inspection.knockout import KnockOut

    way = look.args.way
    if look.args.silence == "each":
        knockouts = [KnockOut.of(head, way=way) for head in heads_of(look.subject.model)]
    else:
        heads = (Head.named(name.strip()) for name in look.args.silence.split(","))
        knockouts = [KnockOut.of(*heads, way=way)]
    means = look.means() if way == "mean" else None
    decoding = look.translator.folder.settings.decoding
    found = effects_of(look.subject, look.source, look.target, knockouts, means=means, decoding=decoding)
    words = target_words(look.subject, look.target).texts
    if look.args.json:
        effects = [_effect(effect) for effect in found]
        is_not = {"is_not": WHAT_IT_IS_NOT}
        print_json({"source": look.args.text, "target": look.output, "words": words, **is_not, "effects": effects})
        return 0
    ranked = sorted(found, key=lambda effect: effect.total)[:EFFECTS_SHOWN]
    title = f"{look.args.text}\n{look.output}"
    unit = "Change of the log-probability of each word, in nats; below 0: the heads had helped."
    show([title, f"{unit}\n{WHAT_IT_IS_NOT}", _effects_table(ranked, words, look.output)])
    return 0


def _effect(effect: "Effect") -> dict[str, Any]:
    heads = [str(head) for head in sorted(effect.knockout.heads)]
    changes = {"changes": [round(change, 6) for change in effect.changes], "total": round(effect.total, 6)}
    return {"silenced": heads, "way": effect.knockout.way, **changes, "output": effect.output}


def _effects_table(effects: "list[Effect]", words: tuple[str, ...], output: str) -> "Table":
    from regard.cli.tables import table

    rows = []
    for effect in effects:
        most = min(range(len(words)), key=lambda i: effect.changes[i])
        written = "the same" if effect.output == output else effect.output or ""
        change = f"{words[most]} {effect.changes[most]:+.3f}"
        rows.append([str(effect.knockout), f"{effect.total:+.3f}", change, written])
    return table(["silenced", "all words", "most for", "what is written then"], rows)


def _tell_agreement(look: Look) -> int:
    from regard.cli.alignments import best_reading
    from regard.cli.tables import show, table
    from regard.inspection.agreement import WHAT_IT_IS_NOT, agreement

    choice = best_reading(look.translator, look.run)
    found = agreement(look.subject, look.source, look.target, choice.reading.head if choice else None)
    if look.args.json:
        methods = {name: finite(value) for name, value in found.items()}
        print_json({"source": look.args.text, "target": look.output, "is_not": WHAT_IT_IS_NOT, "agreement": methods})
        return 0
    rows = [[name, f"{value:+.2f}"] for name, value in found.items()]
    title = f"{look.args.text}\n{look.output}"
    show([title, WHAT_IT_IS_NOT, table(["method", "Spearman with occlusion"], rows)])
    return 0
