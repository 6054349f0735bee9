"""regard look -o x.html, from the outside: what the page holds, and what is said where it cannot be."""

from pathlib import Path
from typing import Any

import pytest

from regard.cli.main import main
from regard.inspection import page_file
from tests.page_stub import data_of, stand_in

TEXT = "a b c d"


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    stand_in(monkeypatch)
    return tmp_path / "x.html"


def looks(page: Path, *arguments: str) -> tuple[dict[str, Any], dict[str, str]]:
    assert main(["look", *arguments, "-o", str(page)]) == 0
    return data_of(page)


def test_the_page_of_a_run(page: Path, run: str) -> None:
    values, packed = looks(page, run, TEXT, "--target", "d c b a")
    (look,) = values["looks"]
    assert (look["text"], look["output"], look["forced"]) == (TEXT, "d c b a", True)
    assert look["choice"]["head"] == look["corpus"]["alignment"]["head"]
    assert {effect["way"] for effect in look["effects"]} == {"zero", "mean", "uniform"}
    training = values["training"]
    assert training["of"] >= len(training["steps"]) >= 1
    names = [maps["weights"] for kinds in (look["kinds"], training["steps"][-1]["kinds"]) for maps in kinds.values()]
    assert set(names) <= packed.keys()


def test_what_many_pairs_said_is_kept_in_the_run(page: Path, run: str) -> None:
    first = looks(page, run, TEXT)[0]["looks"][0]["corpus"]
    kept = set((Path(run) / "inspection").glob("heads-*.json"))
    assert kept
    assert looks(page, run, "d c")[0]["looks"][0]["corpus"] == first
    assert set((Path(run) / "inspection").glob("heads-*.json")) == kept


def test_a_model_without_a_run_says_what_was_not_measured(page: Path, model: str) -> None:
    (look,) = looks(page, model, "nobel")[0]["looks"]
    assert look["corpus"] is None
    assert look["no_corpus"] == "the model lies in no run, which would have held pairs out"
    assert look["choice"] is None
    assert look["commands"]["corpus"] == f"regard look {model} nobel --pairs PAIRS.tsv -o page.html"


def test_pairs_can_be_named(page: Path, model: str, tmp_path: Path) -> None:
    (tmp_path / "pairs.tsv").write_text("abc\tAA B\nbad\tB AH D\ncab\tCH B\n", encoding="utf-8")
    (look,) = looks(page, model, "nobel", "--pairs", str(tmp_path / "pairs.tsv"))[0]["looks"]
    assert look["corpus"]["pairs"] == 3
    assert look["no_corpus"] is None


def test_pairs_that_cannot_be_read_are_an_error(
    page: Path, model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pairs.tsv").write_text("abc\n", encoding="utf-8")
    assert main(["look", model, "nobel", "--pairs", str(tmp_path / "pairs.tsv"), "-o", str(page)]) == 2
    assert "pairs.tsv:1" in capsys.readouterr().err
    assert not page.exists()


def test_another_text_to_compare_with(page: Path, run: str) -> None:
    first, other = looks(page, run, TEXT, "--target", "d c b a", "--compare-with", "b c")[0]["looks"]
    assert other["text"] == "b c"
    assert not other["forced"]
    assert first["kinds"]["encoder"]["weights"] != other["kinds"]["encoder"]["weights"]


def test_another_run_to_compare_with_writes_the_same(page: Path, run: str) -> None:
    first, other = looks(page, run, TEXT, "--compare-with", str(Path(run) / "best"))[0]["looks"]
    assert other["run"].endswith("best")
    assert other["output"] == first["output"]
    assert other["sides"] == first["sides"]


def test_a_page_that_is_not_built(
    run: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(page_file.resources, "files", lambda package: tmp_path)
    assert main(["look", run, TEXT, "-o", str(tmp_path / "x.html")]) == 2
    said = capsys.readouterr().err
    assert said == "regard: page: the page is not built (in a clone of regard, with Node 20.19 or newer: make page)\n"
    assert not (tmp_path / "x.html").exists()
    assert main(["doctor"]) == 0
    assert "note    page           not built (no regard look -o page.html; " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--head", "encoder.1.1", "-o", "x.html"], "--head: has no meaning for a page"),
        (["--json", "-o", "x.html"], "--json: has no meaning for a page"),
        (["--compare-with", "runs/nowhere", "-o", "x.html"], "--compare-with: no folder 'runs/nowhere'"),
        (["--compare-with", "b"], "--compare-with: is for a page"),
        (["--gold", "x", "-o", "x.html"], "--gold: has no meaning without --pairs"),
    ],
)
def test_what_a_page_cannot_be_asked(
    run: str, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(monkeypatch)
    assert main(["look", run, TEXT, *arguments]) == 2
    assert said in capsys.readouterr().err
