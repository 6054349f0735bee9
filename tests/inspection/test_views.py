"""What people get to see: maps of heads and methods, as text, tables, figures and files."""

import csv
from pathlib import Path

import numpy as np
import pytest

from regard.errors import UsageError
from regard.inspection.alignment import Reading
from regard.inspection.cache import remembered
from regard.inspection.export import write_csv, write_npz
from regard.inspection.heads import Head, heads_of
from regard.inspection.maps import AttentionMap
from regard.inspection.notebook import html_table
from regard.inspection.terminal import draw
from regard.inspection.trace import trace_subject
from regard.inspection.views import METHOD, all_heads, head_map, reading_map
from regard.model_folder import ModelFolder
from tests.inspection.looking import TARGET, subject
from tests.tiny_model import save_tiny_model

SOURCE = list("ab cd")
SIGNED = AttentionMap("A title", ("u", "v"), ("x", "y"), np.array([[4.0, -2.0], [0.0, -4.0]]), "It is not it.", "nats")


def test_a_signed_map_in_letters() -> None:
    assert draw(SIGNED).splitlines() == [
        *("A title.", "It is not it.", "In nats.", ""),
        *("  x y", "u @@-+", "v   -@", ""),
        "  -4 -@-@-%-#-*-+-=---:-.  ..::--==++**##%%@@@@ 4",
    ]
    assert draw(SIGNED, width=3).splitlines()[4:] == ["u <- x 4.00 y -2.00", "v <- y -4.00"]


def test_below_0_has_a_colour_of_its_own() -> None:
    assert draw(SIGNED, colours="256").splitlines()[5] == "u \x1b[48;5;230m  \x1b[0m\x1b[48;5;166m  \x1b[0m"
    assert "48;2;255;225;190" in draw(SIGNED, colours="true")


def test_a_map_in_a_notebook() -> None:
    found = AttentionMap("A <b>", ("<u>",), ("x", "y"), np.array([[0.75, 0.25]]))
    shown = found._repr_html_()
    assert shown == html_table(found)
    assert "&lt;u&gt;" in shown
    assert "<u>" not in shown
    assert "0.75</td>" in shown
    assert "not what changed the output" in shown
    assert "http" not in shown
    assert "70 by 70 are too many" in html_table(AttentionMap("A", ("a",) * 70, ("a",) * 70, np.zeros((70, 70))))


def test_maps_have_the_words_that_they_lie_between(tmp_path: Path) -> None:
    looked = subject(tmp_path)
    trace = trace_subject(looked, SOURCE, TARGET)
    maps = dict(zip(heads_of(looked.model), all_heads(looked, trace, SOURCE, TARGET), strict=True))
    sides = {"encoder": (("ab", "cd", "</s>"),) * 2, "decoder": ((*TARGET, "</s>"), ("<s>", *TARGET))}
    sides["encoder-decoder"] = ((*TARGET, "</s>"), ("ab", "cd", "</s>"))
    for head, found in maps.items():
        assert (found.rows, found.columns) == sides[head.kind]
        assert found.weights.sum(axis=1) == pytest.approx(1.0, abs=1e-5)
    head = Head(1, "encoder-decoder", 0)
    by_token = head_map(looked, trace, SOURCE, TARGET, head, words=False)
    assert by_token.weights == pytest.approx(trace[head].numpy())
    assert maps[head].weights[:, 0] == pytest.approx(by_token.weights[:, :3].sum(axis=1), abs=1e-6)  # the space too
    with pytest.raises(UsageError, match=r"--head: the model has no encoder.3.1 .it has encoder.1.1 to"):
        head_map(looked, trace, SOURCE, TARGET, Head(2, "encoder", 0))


def test_a_reading_is_shown_where_it_reads(tmp_path: Path) -> None:
    looked, head = subject(tmp_path), Head(1, "encoder-decoder", 0)
    trace = trace_subject(looked, SOURCE, TARGET)
    whole = head_map(looked, trace, SOURCE, TARGET, head).weights
    output = reading_map(looked, trace, SOURCE, TARGET, Reading(head, "weight", "output"))
    read = reading_map(looked, trace, SOURCE, TARGET, Reading(head, "weight", "input"))
    assert output.rows == read.rows == tuple(TARGET)
    assert output.weights == pytest.approx(whole[:-1])
    assert read.weights == pytest.approx(whole[1:])


@pytest.mark.parametrize("method", METHOD)
def test_every_method_says_what_it_is_not(tmp_path: Path, method: str) -> None:
    found = METHOD[method](subject(tmp_path), SOURCE, TARGET)
    assert found.map().not_this.startswith("This ")
    assert found.map().columns == ("ab", "cd", "</s>")
    assert found.prefix_map().columns == ("<s>", *TARGET)


def test_files_of_numbers(tmp_path: Path) -> None:
    looked = subject(tmp_path)
    trace = trace_subject(looked, SOURCE, TARGET)
    write_npz(tmp_path / "all.npz", trace)
    with np.load(tmp_path / "all.npz", allow_pickle=False) as arrays:
        assert arrays["encoder-decoder"].shape == (2, 2, 4, 6)
        assert arrays["encoder-decoder"][1, 0] == pytest.approx(trace[1, "encoder-decoder", 0].numpy())
        assert arrays["source"].tolist() == [*SOURCE, "</s>"]
    write_csv(tmp_path / "one.csv", SIGNED)
    with (tmp_path / "one.csv").open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file))[1:3] == [["0", "0", "u", "x", "4"], ["0", "1", "u", "y", "-2"]]


def test_what_was_measured_is_kept_in_the_run_as_long_as_model_and_pairs_are_the_same(tmp_path: Path) -> None:
    save_tiny_model(tmp_path / "run" / "best")
    (tmp_path / "run" / "status.json").write_text("{}", encoding="utf-8")
    folder, calls = ModelFolder.open(tmp_path / "run"), list[int]()

    def measure() -> dict[str, int]:
        calls.append(1)
        return {"found": len(calls)}

    assert [remembered(folder, "heads", texts, measure)["found"] for texts in (["a"], ["a"], ["b"], ["a"])] == [
        1,
        1,
        2,
        1,
    ]
    for file in (tmp_path / "run" / "inspection").glob("heads-*.json"):
        file.write_text("{", encoding="utf-8")
    assert remembered(folder, "heads", ["a"], measure) == {"found": 3}
    save_tiny_model(tmp_path / "run" / "best", seed=2)
    assert remembered(ModelFolder.open(tmp_path / "run"), "heads", ["a"], measure) == {"found": 4}
    alone = save_tiny_model(tmp_path / "alone")
    assert [remembered(alone, "heads", ["a"], measure)["found"] for _ in range(2)] == [5, 6]


def test_a_run_that_cannot_be_written_keeps_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_tiny_model(tmp_path / "run" / "best")
    (tmp_path / "run" / "status.json").write_text("{}", encoding="utf-8")
    (tmp_path / "run" / "inspection").write_text("in the way", encoding="utf-8")
    folder = ModelFolder.open(tmp_path / "run")
    assert [remembered(folder, "heads", ["a"], lambda: {"found": 1}) for _ in range(2)] == [{"found": 1}] * 2


@pytest.mark.extra
@pytest.mark.parametrize("kind", ["svg", "pdf", "png"])
def test_figures(tmp_path: Path, kind: str) -> None:
    pytest.importorskip("matplotlib")
    from regard.inspection.figure import write_figure

    found = AttentionMap("A title", ("haus", "ü$"), ("ca", "sa"), np.eye(2))
    files = [tmp_path / f"{name}.{kind}" for name in ("one", "again")]
    assert [write_figure(file, [found]) for file in files] == [[], []]
    assert files[0].read_bytes() == files[1].read_bytes()
    if kind == "svg":
        text = files[0].read_text(encoding="utf-8")
        assert ">haus</text>" in text
        assert "not what changed the output" in text
    write_figure(files[0], [found, SIGNED, found], 2)


@pytest.mark.extra
def test_fonts_are_found_or_named(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib")
    from regard.inspection import figure

    assert figure.fonts_for("house Дом") == (["DejaVu Sans"], [])
    assert figure.BOXES not in figure.fonts_for("東京 नी")[0]
    monkeypatch.setattr(figure, "_shown_by", lambda path, needed: set(needed) & set("ab"))
    families, missing = figure.fonts_for("ab 東京 नी")
    assert families == ["DejaVu Sans"]
    assert [sentence.partition(":")[0] for sentence in missing] == [
        "no font here can show Cjk (京東)",
        "no font here can show Devanagari (नी)",
    ]


@pytest.mark.extra
def test_what_no_font_can_show_is_drawn_all_the_same(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from regard.inspection.figure import write_figure

    found = AttentionMap("A title", ("\u4dbf\U00010a60",), ("x",), np.ones((1, 1)))
    missing = write_figure(tmp_path / "map.png", [found])
    assert (tmp_path / "map.png").stat().st_size > 0
    assert all(sentence.startswith("no font here can show") for sentence in missing)
