"""Their tokenizers and vocabularies as sides of ours; no torch.

Theirs number special tokens in many ways; ours begin with PAD, BOS, EOS, UNK. BOS stands for what their decoder starts
with, which may be a token that has another use: then the embedding is there twice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from regard.errors import CheckpointError, UnsupportedError
from regard.interop.huggingface.files import WHOLE_COPY, HubFolder, read_table
from regard.text.configs import ForeignConfig
from regard.text.foreign import Foreign, read_model
from regard.text.sides import Side, Sides
from regard.text.vocabulary import Vocabulary

Tokens = Mapping[int, str]
"""Tokens by their number in theirs."""


FIRST = "<s>"
"""What XLM-R's tokenizer puts before every text."""

FAIRSEQ = ("M2M100Tokenizer", "NllbTokenizer", "MBart50Tokenizer", "XLMRobertaTokenizer")
"""Tokenizers that are read of those with a sentencepiece.bpe.model."""


@dataclass(frozen=True, slots=True)
class Rows:
    """For each entry of our vocabularies: its number in theirs."""

    source: tuple[int, ...]
    target: tuple[int, ...]
    start_is_another: bool  # what the decoder starts with is PAD, EOS or UNK too


@dataclass(frozen=True, slots=True)
class Special:
    """The numbers of special tokens in theirs."""

    pad: int
    start: int
    eos: int
    unk: int

    def rows(self, size: int) -> tuple[int, ...]:
        """Return the numbers in our order."""
        first = (self.pad, self.start, self.eos, self.unk)
        return (*first, *(number for number in range(size) if number not in first))


@dataclass(frozen=True, slots=True)
class Readable:
    """Tokenizers and the tokens that they give, of both sides."""

    source: Foreign
    target: Foreign
    source_tokens: Tokens
    target_tokens: Tokens


def read_sides(folder: HubFolder) -> tuple[Sides, Rows]:
    """Return the sides of ours that read and write as theirs, and where their embeddings stand.

    Raises UnsupportedError for tokenizers of another kind, CheckpointError for damaged ones.
    """
    found = next((read for file, read in READERS.items() if (folder.path / file).is_file()), None)
    if found is None:
        hint = f"what is read: {', '.join(READERS)}"
        raise UnsupportedError("has no sentencepiece model", where=str(folder.path), hint=hint)
    readable = found(folder)
    unknown = next((number for number, token in readable.source_tokens.items() if token == "<unk>"), None)
    if unknown is None:
        raise CheckpointError("the vocabulary has no <unk>", where=str(folder.path), hint=WHOLE_COPY)
    eos = folder.config.get("eos_token_id")
    first = folder.config.get("pad_token_id") if found is t5 else None  # which T5 starts with, said or not
    special = Special(
        pad=folder.setting("pad_token_id", int),
        start=folder.setting("decoder_start_token_id", int, default=first),
        eos=eos[0] if isinstance(eos, list) and eos else folder.setting("eos_token_id", int),
        unk=unknown,
    )
    size = folder.setting("vocab_size", int)
    shared = folder.setting("share_encoder_decoder_embeddings", bool, default=True)
    target_size = size if shared else folder.setting("decoder_vocab_size", int, default=size)
    rows = Rows(special.rows(size), special.rows(target_size), special.start in (special.pad, special.eos, special.unk))
    source = Side(readable.source, vocabulary(readable.source_tokens, rows.source))
    target = Side(readable.target, vocabulary(readable.target_tokens, rows.target))
    return Sides(source, target), rows


def vocabulary(tokens: Tokens, rows: Sequence[int]) -> Vocabulary:
    """Return our vocabulary of their tokens; a number without a token of its own is given one that no text has."""
    learnt, seen = [], set()
    for number in rows[4:]:
        token = tokens.get(number, "")
        name = token if token and token not in seen else f"<unused {number}>"
        seen.add(name)
        learnt.append(name)
    return Vocabulary(tuple(learnt))


def marian(folder: HubFolder) -> Readable:
    """Read two sentencepiece models, and a vocabulary for both sides or one for each."""
    tokens = numbered(folder, "vocab.json")
    own = (folder.path / "target_vocab.json").is_file()
    target_tokens = numbered(folder, "target_vocab.json") if own else tokens
    codes = tuple(token for token in tokens.values() if token.startswith(">>") and token.endswith("<<"))
    source = Foreign(read_model(folder.path / "source.spm"), ForeignConfig(codes=codes))
    target = Foreign(read_model(folder.path / "target.spm"), ForeignConfig())
    return Readable(source, target, tokens, target_tokens)


def numbered(folder: HubFolder, name: str) -> dict[int, str]:
    """Read a vocabulary, tokens with their numbers, the other way round.

    Raises CheckpointError if it is damaged.
    """
    table = read_table(folder.path / name)
    if not all(type(number) is int and number >= 0 for number in table.values()):
        raise CheckpointError("holds what is no number of a token", where=str(folder.path / name), hint=WHOLE_COPY)
    return {number: token for token, number in table.items()}


def fairseq(folder: HubFolder) -> Readable:
    """Read one sentencepiece model whose pieces are numbered by a vocabulary, or one further on; codes come last.

    Raises UnsupportedError for tokenizers that number otherwise, or put the code after the text.
    """
    model, name = read_model(folder.path / "sentencepiece.bpe.model"), tokenizer_class(folder)
    if name == "M2M100Tokenizer":
        tokens = numbered(folder, "vocab.json")
    else:  # the pieces come after the model's own three
        pieces = Foreign(model, ForeignConfig()).pieces
        tokens = dict(enumerate(("<s>", "<pad>", "</s>", "<unk>", *pieces[3:])))
    if name == "XLMRobertaTokenizer":
        return both_sides(folder, model, (FIRST,), tokens, usual=FIRST)
    added = language_codes(folder, len(tokens))
    codes = tuple(dict.fromkeys(code for code in added.values() if code != "<mask>"))
    return both_sides(folder, model, codes, tokens | added)


def tokenizer_class(folder: HubFolder) -> str:
    """Return which tokenizer of theirs it is.

    Raises UnsupportedError if it is none of those that are read.
    """
    settings, where = folder.optional("tokenizer_config.json"), str(folder.path / "tokenizer_config.json")
    name = str(settings.get("tokenizer_class")).removesuffix("Fast")
    if name not in FAIRSEQ or settings.get("legacy_behaviour"):
        hint = f"what is: {', '.join(FAIRSEQ)}, with the language before the text"
        raise UnsupportedError(f"tokenizer_class {name!r} is not read as it is", where=where, hint=hint)
    if name == "XLMRobertaTokenizer" and folder.config.get("decoder_start_token_id") == 0:
        problem = f"{FIRST} begins sources, and outputs where nothing is written yet"
        raise UnsupportedError(problem, where=where, hint="regard has no place for both")
    return name


def language_codes(folder: HubFolder, first: int) -> dict[int, str]:
    """Return the codes of languages by their number, from `first` on; none if no file names them.

    Where numbers are written down they count; else the codes are numbered in the order of their list.
    """
    settings = folder.optional("tokenizer_config.json")
    added = settings.get("added_tokens_decoder")
    if isinstance(added, Mapping):
        numbers = {int(number): _content(token) for number, token in added.items() if str(number).isdecimal()}
        return {number: token for number, token in sorted(numbers.items()) if number >= first}
    for table in (folder.optional("special_tokens_map.json"), settings):
        codes = table.get("additional_special_tokens")
        if isinstance(codes, list) and codes:
            return dict(enumerate(dict.fromkeys(map(_content, codes)), start=first))
    return {}


def _content(token: Any) -> str:
    return str(token["content"] if isinstance(token, Mapping) and "content" in token else token)


def both_sides(folder: HubFolder, model: bytes, codes: tuple[str, ...], tokens: Tokens, usual: str = "") -> Readable:
    """Return one model for both sides, with the languages that the tokenizer is set to, or the usual code."""
    settings = folder.optional("tokenizer_config.json")
    spelt = {code: code for code in codes} | {code.strip("_"): code for code in codes}
    source, target = (
        Foreign(model, ForeignConfig(codes=codes, usual=usual or spelt.get(str(settings.get(name)), "")))
        for name in ("src_lang", "tgt_lang")
    )
    return Readable(source, target, tokens, tokens)


def t5(folder: HubFolder) -> Readable:
    """Read one sentencepiece model whose pieces have their own numbers."""
    model = read_model(folder.path / "spiece.model")
    tokens = dict(enumerate(Foreign(model, ForeignConfig()).pieces))
    return both_sides(folder, model, (), tokens)


READERS = {"source.spm": marian, "sentencepiece.bpe.model": fairseq, "spiece.model": t5}
"""What reads tokenizers, by the file that they have."""
