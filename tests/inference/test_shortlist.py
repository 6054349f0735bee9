"""A shortlist has the tokens that sources call for, is read back whole, and makes outputs of nothing else."""

from array import array
from dataclasses import replace
from pathlib import Path

import pytest

from regard.decoding.types import BeamConfig, DecodingConfig, GreedyConfig, SamplingConfig
from regard.errors import CheckpointError, DataError, UnsupportedError
from regard.inference.native_engine import NativeEngine
from regard.inference.shortlist import FILE, Shortlist
from regard.inference.translator import Translator
from regard.model_folder import ModelFolder
from regard.text.vocabulary import EOS, SPECIAL
from tests.inference.shared_model import COPYING, save_shared_model
from tests.tiny_model import save_tiny_model

SPOKEN = {"a": "AA", "b": "B", "c": "CH", "d": "D", "e": "EH", "f": "F", "g": "G", "h": "HH"}
PAIRS = [
    (text, " ".join(SPOKEN[letter] for letter in text)) for text in ("abc", "bcd", "cde", "def", "gha", "efgh", "habd")
]
SOURCES = [list(text) for text in ("abc", "hgfe", "d", "abcdefgh" * 3)]
SEARCHES = [GreedyConfig(max_length=8), BeamConfig(beams=4, n_best=2, max_length=8)]


@pytest.fixture
def folder(tmp_path: Path) -> ModelFolder:
    return save_tiny_model(tmp_path / "model")


def listing(folder: ModelFolder, targets: set[int], *, for_any: set[int] | None = None) -> Shortlist:
    """A list with the same targets for every source token but the special ones."""
    first, listed = array("q", [0]), array("i")
    for i in range(folder.sizes[0]):
        listed.extend([EOS] if i == EOS else sorted(targets) if i >= len(SPECIAL) else [])
        first.append(len(listed))
    return Shortlist(array("i", sorted(for_any or {EOS})), first, listed)


def test_letters_have_their_sounds(folder: ModelFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("regard.inference.shortlist.COMMON", 1)
    monkeypatch.setattr("regard.inference.shortlist.EACH", 1)
    learnt = Shortlist.learn(folder, PAIRS)
    source, target = folder.sides.source.vocabulary, folder.sides.target.vocabulary
    found = learnt.tokens([*source.ids("cd"), EOS])
    assert found is not None
    assert {*target.ids(["CH", "D"]), EOS} <= found
    assert len(found) <= 4
    assert learnt.longest == 1


def test_a_token_that_was_hardly_seen_calls_for_all(folder: ModelFolder) -> None:
    learnt = Shortlist.learn(folder, PAIRS)
    known, seldom = folder.sides.source.vocabulary.ids("az")
    assert learnt.tokens([known, EOS]) is not None
    assert learnt.tokens([known, seldom, EOS]) is None
    assert learnt.coverage(folder, [("az", "AA")]).whole == 1
    assert learnt.coverage(folder, [("ab", "AA B"), ("a", "AA UNSEEN")]).listed == 3


def test_nothing_to_learn_from(folder: ModelFolder) -> None:
    with pytest.raises(DataError, match="there are none to learn a shortlist from"):
        Shortlist.learn(folder, [("", "AA"), ("a", "")])


@pytest.mark.parametrize("config", SEARCHES, ids=lambda config: config.kind)
def test_with_all_tokens_listed_nothing_changes(folder: ModelFolder, config: DecodingConfig) -> None:
    listing(folder, set(range(folder.sizes[1]))).save(folder)
    plain, listed = (NativeEngine.load([folder], shortlist=shortlist) for shortlist in (False, True))
    for ours, theirs in zip(listed.translate(SOURCES, config), plain.translate(SOURCES, config), strict=True):
        assert [h.tokens for h in ours] == [h.tokens for h in theirs]
        assert [h.score for h in ours] == pytest.approx([h.score for h in theirs], abs=1e-4)


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "int8"])
@pytest.mark.parametrize("config", SEARCHES, ids=lambda config: config.kind)
def test_outputs_are_made_of_listed_tokens(folder: ModelFolder, config: DecodingConfig, precision: str) -> None:
    ids = set(range(len(SPECIAL), folder.sizes[1], 2))
    listing(folder, ids).save(folder)
    engine = NativeEngine.load([folder], precision=precision, shortlist=True)
    vocabulary = folder.sides.target.vocabulary
    together = list(engine.translate(SOURCES, config))
    for source, found in zip(SOURCES, together, strict=True):
        assert {i for h in found for i in vocabulary.ids(h.tokens)} <= ids
        assert next(engine.translate([source], config)) == found, "alone or in company"


@pytest.mark.parametrize("config", SEARCHES, ids=lambda config: config.kind)
def test_what_can_be_copied_is_thought_of(tmp_path: Path, config: DecodingConfig) -> None:
    folder = save_shared_model(tmp_path / "model", COPYING["copying"])
    sources = [["ab", "c", "e"], ["d"] * 4]
    listing(folder, set(range(folder.sizes[1]))).save(folder)
    plain, listed = (NativeEngine.load([folder], shortlist=shortlist) for shortlist in (False, True))
    for ours, theirs in zip(listed.translate(sources, config), plain.translate(sources, config), strict=True):
        assert [h.tokens for h in ours] == [h.tokens for h in theirs]
        assert [h.score for h in ours] == pytest.approx([h.score for h in theirs], abs=1e-4)
    listing(folder, {len(SPECIAL)}).save(folder)
    ids = folder.sides.target.vocabulary.ids
    few = NativeEngine.load([folder], shortlist=True)
    for source, found in zip(sources, few.translate(sources, config), strict=True):
        assert {i for h in found for i in ids(h.tokens)} <= {len(SPECIAL), *ids(source)}
    assert Shortlist.open(folder).coverage(folder, [("d e", "d h"), ("c", "d")]).listed == 1


def test_what_is_exact_stays_so(folder: ModelFolder) -> None:
    """Samples, given starts, given targets, and sources with a token that has no list."""
    listing(folder, {len(SPECIAL)}).save(folder)
    plain, listed = (NativeEngine.load([folder], shortlist=shortlist) for shortlist in (False, True))
    pair = (list("abc"), ["CH", "D"])
    assert list(listed.score([pair])) == list(plain.score([pair]))
    for config, prefixes in ((SamplingConfig(max_length=6), None), (BeamConfig(max_length=6), [["CH"]])):
        found = (next(engine.translate([pair[0]], config, prefixes)) for engine in (plain, listed))
        assert next(found) == next(found)
    for source in ([*pair[0], "not a token"], pair[0]):
        ours, theirs = (next(engine.translate([source], SEARCHES[0])) for engine in (listed, plain))
        assert (ours == theirs) == (source != pair[0])


def test_it_is_read_back_or_refused(folder: ModelFolder) -> None:
    learnt = Shortlist.learn(folder, PAIRS)
    path = learnt.save(folder)
    assert Shortlist.open(folder) == learnt
    whole = path.read_bytes()
    for damaged in (whole[:-4], whole + b"\0", b"{}\n", b"\xff\xff", whole.replace(b"list 1", b"list 0"), whole[:9]):
        path.write_bytes(damaged)
        with pytest.raises(CheckpointError, match=r"learn it anew with regard shortlist RUN"):
            Shortlist.open(folder)
    wrong = listing(folder, {folder.sizes[1]})
    wrong.save(folder)
    with pytest.raises(CheckpointError, match="is not whole"):
        Shortlist.open(folder)
    replace(learnt, first=array("q", [*learnt.first[:-1], learnt.first[-1] + 1])).save(folder)
    with pytest.raises(CheckpointError, match="is not whole"):
        Shortlist.open(folder)


def test_it_is_missed_in_plain_words(folder: ModelFolder) -> None:
    with pytest.raises(CheckpointError, match=rf"{FILE}: there is no shortlist .learn it with regard shortlist RUN."):
        Translator.load(folder.path, shortlist=True)
    with pytest.raises(UnsupportedError, match=r"engine 'torch': a shortlist: not supported .use native."):
        Translator.load(folder.path, engine="torch", shortlist=True)
