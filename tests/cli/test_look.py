"""regard look and regard translate --alignments, from the outside, on a tiny run and on a model without one."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from regard.cli.main import main
from regard.inspection.heads import Head

TEXT = "a b c d"


@pytest.fixture
def pairs(tmp_path: Path) -> str:
    (tmp_path / "pairs.tsv").write_text("a b\tb a\nc a d\td a c\nb\tb\n\t\n", encoding="utf-8")
    return str(tmp_path / "pairs.tsv")


Regard = Callable[..., tuple[int, str, str]]


@pytest.fixture
def regard(capsys: pytest.CaptureFixture[str]) -> Regard:
    def call(*arguments: str) -> tuple[int, str, str]:
        code = main(arguments)
        out, err = capsys.readouterr()
        return code, out, err

    return call


def test_the_head_that_measures_best_is_shown_and_named(regard: Regard, run: str) -> None:
    code, out, _ = regard("look", run, TEXT, "--target", "d c b a")
    assert code == 0
    assert out.startswith(f"{TEXT}\nd c b a\n\n")
    assert "\nThis is " in out
    assert "against silver (a statistical aligner's) alignments of 6 pairs on which it was not chosen." in out
    (kept,) = (Path(run) / "inspection").glob("alignment-*.json")
    chosen = json.loads(kept.read_text(encoding="utf-8"))
    assert Head.named(chosen["head"]).kind == "encoder-decoder"
    assert Head.named(chosen["head"]).words in out


def test_without_a_run_the_sharpest_layer_is_shown(regard: Regard, model: str) -> None:
    code, out, _ = regard("look", model, "abcd ef", "--target", "AA B")
    assert code == 0
    assert "the sharpest layer" in out


@pytest.mark.parametrize("measure", ["weight", "norm", "rollout", "contribution", "gradient", "occlusion"])
def test_every_measure_as_json(regard: Regard, run: str, measure: str) -> None:
    code, out, _ = regard("look", run, TEXT, "--target", "d c", "--measure", measure, "--json")
    found = json.loads(out)
    assert code == 0
    assert found["columns"] == ["a", "b", "c", "d", "</s>"]
    assert len(found["values"]) == len(found["rows"])
    assert found["is_not"].startswith("This ")
    assert ("chosen" in found) == (measure in ("weight", "norm"))


def test_any_head_by_name(regard: Regard, run: str) -> None:
    code, out, _ = regard("look", run, TEXT, "--head", "decoder.1.2", "--target", "d c", "--json", "--tokens")
    found = json.loads(out)
    assert (code, found["rows"], found["columns"]) == (0, ["d", "c", "</s>"], ["<s>", "d", "c"])
    assert found["values"][0] == [1, 0, 0]


@pytest.mark.parametrize("way", ["zero", "mean", "uniform"])
def test_each_head_silenced(regard: Regard, run: str, way: str) -> None:
    code, out, _ = regard("look", run, TEXT, "--target", "d c", "--silence", "each", "--way", way, "--json")
    found = json.loads(out)
    assert code == 0
    assert found["words"] == ["d", "c", "</s>"]
    assert [effect["silenced"] for effect in found["effects"]][:2] == [["encoder.1.1"], ["encoder.1.2"]]
    assert len(found["effects"]) == 6
    assert all(effect["total"] == pytest.approx(sum(effect["changes"]), abs=1e-5) for effect in found["effects"])
    shown = regard("look", run, TEXT, "--target", "d c", "--silence", "encoder.1.1,decoder.1.2", "--way", way)[1]
    assert "decoder.1.2 + encoder.1.1" in shown or "encoder.1.1 + decoder.1.2" in shown


def test_how_methods_agree(regard: Regard, run: str) -> None:
    code, out, _ = regard("look", run, TEXT, "--target", "d c", "--agree")
    assert code == 0
    assert all(name in out for name in ("rollout", "contribution", "gradient", "norms, mean of all heads"))
    assert "gradient" in json.loads(regard("look", run, TEXT, "--target", "d c", "--agree", "--json")[1])["agreement"]


def test_every_head_on_many_pairs(regard: Regard, run: str, pairs: str, tmp_path: Path) -> None:
    code, out, _ = regard("look", run, "--pairs", pairs)
    assert code == 0
    assert out.startswith("3 pairs; 1 left out, being blank or too long. A role is")
    assert all(f"encoder-decoder.1.{head}" in out for head in (1, 2))
    found = json.loads(regard("look", run, "--pairs", pairs, "--json")[1])
    assert len(found["heads"]) == 6
    assert found["alignment"]["against"] == "silver"
    assert len(found["alignment_errors"]) == 2 * 2 * 2
    (tmp_path / "gold.txt").write_text("0-1 1-0\n0-2 1-1 2-0\n0-0\n\n", encoding="utf-8")
    golden = regard("look", run, "--pairs", pairs, "--gold", str(tmp_path / "gold.txt"), "--json")[1]
    assert json.loads(golden)["alignment"]["against"] == "gold"
    assert regard("look", run, "--pairs", pairs, "-o", str(tmp_path / "heads.csv"))[0] == 0
    assert len((tmp_path / "heads.csv").read_text(encoding="utf-8").splitlines()) == 7


@pytest.mark.parametrize("kind", ["csv", "npz"])
def test_files(regard: Regard, run: str, tmp_path: Path, kind: str) -> None:
    code, out, _ = regard("look", run, TEXT, "--target", "d c", "-o", str(tmp_path / f"map.{kind}"))
    assert (code, out) == (0, "")
    assert (tmp_path / f"map.{kind}").stat().st_size > 0


@pytest.mark.extra
def test_a_figure_of_all_heads(regard: Regard, run: str, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    code, _, err = regard("look", run, TEXT, "--target", "d c", "--all", "-o", str(tmp_path / "all.svg"))
    assert (code, err) == (0, "")
    assert "encoder-decoder.1.2" in (tmp_path / "all.svg").read_text(encoding="utf-8")


def test_translations_with_their_alignments(regard: Regard, run: str, tmp_path: Path) -> None:
    (tmp_path / "lines.txt").write_text("a b c\n\nd a\n", encoding="utf-8")
    code, out, err = regard("translate", run, str(tmp_path / "lines.txt"), "--alignments", "--max-length", "3")
    lines = out.splitlines()
    assert code == 0
    assert err.startswith("note: alignments are ")
    assert lines[1] == "\t"
    for source, line in zip(("a b c", "d a"), (lines[0], lines[2]), strict=True):
        text, links = line.split("\t")
        pairs = [tuple(map(int, link.split("-"))) for link in links.split()]
        assert {j for _, j in pairs} == set(range(len(text.split())))
        assert {i for i, _ in pairs} == set(range(len(source.split()))) or not text
    plain = regard("translate", run, str(tmp_path / "lines.txt"), "--max-length", "3")[1]
    assert [line.split("\t")[0] for line in lines] == plain.splitlines()
    values = regard("translate", run, str(tmp_path / "lines.txt"), "--alignments", "--max-length", "3", "--json")[1]
    assert [json.loads(value)["alignment"] for value in values.splitlines()] == [line.split("\t")[1] for line in lines]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "TEXT or --pairs: one of the two is needed"),
        ([TEXT, "--pairs", "p.tsv"], "TEXT or --pairs: one of the two is needed"),
        ([TEXT, "-o", "a.doc"], "--output: no file of kind 'doc' can be written (html, svg, pdf, png, npz, csv)"),
        ([TEXT, "-o", "a"], "--output: no file of kind '?' can be written"),
        ([TEXT, "--all"], "--all: is for a figure"),
        ([TEXT, "--gold", "g"], "--gold: has no meaning without --pairs"),
        (["--pairs", "p.tsv", "-o", "a.svg"], "--output: many pairs make no svg"),
        ([TEXT, "--head", "encoder.9.1"], "--head: the model has no encoder.9.1"),
        ([TEXT, "--head", "cross.1.1"], "head: 'cross.1.1' is no head"),
        ([TEXT, "--head", "encoder.1.1", "--measure", "rollout"], "--head: rollout is of no single head"),
        ([TEXT, "--silence", "decoder.4.1"], "head: the model has no decoder.4.1"),
        (["  "], "text: there is nothing to look at"),
    ],
)
def test_what_cannot_be_asked(regard: Regard, run: str, arguments: list[str], words: str) -> None:
    code, _, err = regard("look", run, *arguments)
    assert code == 2
    assert words in err


def test_alignments_need_a_run(regard: Regard, model: str) -> None:
    code, _, err = regard("translate", model, "nowhere.txt", "--alignments")
    assert code == 2
    code, _, err = regard("translate", model, "-", "--alignments")
    assert "--alignments: which head aligns best?" in err
