"""The page in a real browser, opened as a file: what it shows is what the commands say, and nobody is left out."""

import csv
import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from regard.cli.main import main
from regard.inspection import page as page_module
from regard.inspection.page_file import built_page
from tests.page.browser import Window, browser, window
from tests.page_stub import data_of
from tests.pages import ROOT
from tests.tiny_model import save_tiny_model
from tests.training.runs import Recorder, tiny_run

pytestmark = pytest.mark.extra

TEXT, TARGET, OTHER = "a b c d", "d c b a", "c d b a"
HEAD = "encoder-decoder.1.1"
VIEWS = ("heads", "head", "flow", "align", "compare")
AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser() as found:
        yield found


@pytest.fixture(scope="module")
def run(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    made, splits = tiny_run(tmp_path_factory.mktemp("page") / "run")
    made.train(splits, Recorder())
    return str(made.path)


@pytest.fixture(scope="module")
def file(run: str) -> Path:
    page = Path(run).parent / "page.html"
    assert main(["look", run, TEXT, "--target", TARGET, "--compare-with", OTHER, "-o", str(page)]) == 0
    return page


@pytest.fixture
def shown(chromium: Any) -> Iterator[Window]:
    with window(chromium) as found:
        yield found


def test_every_head_has_its_picture(shown: Window, file: Path) -> None:
    shown.open(file)
    (look, _) = data_of(file)[0]["looks"]
    heads = [
        f"{kind}.{layer + 1}.{head + 1}"
        for kind, maps in look["kinds"].items()
        for layer in range(maps["shape"][0])
        for head in range(maps["shape"][1])
    ]
    shown.page.locator(".readout").first.wait_for()
    tiles = shown.page.locator(".tile")
    assert sorted(tile.get_attribute("id").removeprefix("tile-") for tile in tiles.all()) == sorted(heads)
    assert all(width != 300 for width in tiles.locator("canvas").evaluate_all("all => all.map((c) => c.width)"))
    assert "sink" in shown.text(".tile")


def test_the_page_is_small(file: Path) -> None:
    assert len(gzip.compress(built_page().encode())) < 150_000
    assert file.stat().st_size < 1_000_000


def test_sorting_and_roles(shown: Window, file: Path) -> None:
    reports = data_of(file)[0]["looks"][0]["corpus"]["heads"]
    encoder = [report for report in reports if report["head"].startswith("encoder.")]
    shown.open(file, "#/heads?sort=importance")
    order = shown.page.locator(".encoder .tile").evaluate_all("all => all.map((t) => t.id.slice(5))")
    assert order == [report["head"] for report in sorted(encoder, key=lambda report: -report["importance"])]
    role = encoder[0]["role"]["name"]
    shown.page.locator(".tools select").last.select_option(role)
    left = shown.page.locator(".encoder .tile").count()
    assert left == sum(report["role"]["name"] == role for report in encoder)


@pytest.mark.parametrize("way", ["zero", "uniform"])
def test_a_knock_out_says_what_the_command_says(
    shown: Window, file: Path, run: str, way: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["look", run, TEXT, "--target", TARGET, "--silence", HEAD, "--way", way, "--json"]) == 0
    (effect,) = json.loads(capsys.readouterr().out)["effects"]
    shown.open(file, f"#/heads?sel={HEAD}&way={way}")
    shown.page.locator(f'[id="tile-{HEAD}"]').focus()
    shown.press("x")
    shown.wait_for(".knockout table")
    assert number(shown.text(".knockout b")) == pytest.approx(effect["total"], abs=0.006)
    changes = [number(text) for text in shown.page.locator(".knockout td.number").all_inner_texts()]
    assert changes == pytest.approx(effect["changes"], abs=0.006)
    if effect["output"] == TARGET:
        assert "stays the same" in shown.text(".knockout")
    else:
        assert "".join(shown.text(".diff dd:last-of-type").split()) == "".join(effect["output"].split())


def number(text: str) -> float:
    found = re.search(r"[+−]?\d+\.\d+", text)
    assert found
    return float(found[0].replace("−", "-"))


def test_several_heads_name_the_command(shown: Window, file: Path) -> None:
    shown.open(file, f"#/heads?out={HEAD},encoder.1.1")
    command = shown.text(".knockout code")
    assert command.endswith(f"--silence {HEAD},encoder.1.1")
    shown.page.get_by_role("button", name="Whole layer").click()
    assert "nats" in shown.text(".knockout b")


@pytest.mark.parametrize("measure", ["weight", "norm"])
@pytest.mark.parametrize("tokens", ["words", "pieces"])
def test_a_saved_map_is_that_of_the_command(
    shown: Window, file: Path, run: str, tmp_path: Path, measure: str, tokens: str
) -> None:
    ours = tmp_path / "ours.csv"
    extra = ["--tokens"] if tokens == "pieces" else []
    assert (
        main(["look", run, TEXT, "--target", TARGET, "--head", HEAD, "--measure", measure, *extra, "-o", str(ours)])
        == 0
    )
    shown.open(file, f"#/head?sel={HEAD}&m={measure}&tok={tokens}")
    theirs = saved(shown, "Save CSV")
    rows = [list(csv.reader(path.read_text(encoding="utf-8").splitlines()))[1:] for path in (ours, theirs)]
    assert [row[:4] for row in rows[0]] == [row[:4] for row in rows[1]]
    values = [numbers_of(path) for path in (ours, theirs)]
    assert values[1] == pytest.approx(values[0], abs=1e-4 * max(1.0, *values[0]))
    assert saved(shown, "Save SVG").read_text(encoding="utf-8").startswith("<svg xmlns=")


def test_words_of_pieces_are_those_of_the_command(shown: Window, tmp_path: Path) -> None:
    model = str(save_tiny_model(tmp_path / "model").path)
    page, ours = tmp_path / "x.html", tmp_path / "ours.csv"
    for kind in ("encoder", "decoder", "encoder-decoder"):
        head = f"{kind}.2.1"
        for output in (["-o", str(page)], ["--head", head, "-o", str(ours)]):
            assert main(["look", model, "abcd ij. 東京", *output]) == 0
        shown.open(page, f"#/head?sel={head}")
        values = [numbers_of(path) for path in (ours, saved(shown, "Save CSV"))]
        assert len(values[0]) > 8
        assert values[1] == pytest.approx(values[0], abs=1e-4)


def saved(shown: Window, button: str) -> Path:
    with shown.page.expect_download() as download:
        shown.page.get_by_role("button", name=button).click()
    return Path(download.value.path())


def numbers_of(file: Path) -> list[float]:
    return [float(row[4]) for row in list(csv.reader(file.read_text(encoding="utf-8").splitlines()))[1:]]


def test_tiles_over_many_pairs(shown: Window, file: Path) -> None:
    shown.open(file, f"#/heads?sel={HEAD}")
    shown.page.get_by_role("button", name="many pairs").click()
    tile = shown.page.locator(f'[id="tile-{HEAD}"]')
    heights = tile.locator("rect").evaluate_all("all => all.map((bar) => Number(bar.getAttribute('height')))")
    reports = {report["head"]: report for report in data_of(file)[0]["looks"][0]["corpus"]["heads"]}
    offsets = reports[HEAD]["offsets"]
    assert max(range(41), key=heights.__getitem__) - 20 == int(max(offsets, key=offsets.__getitem__))


def test_flow_shows_contributions(shown: Window, file: Path) -> None:
    (look, _) = data_of(file)[0]["looks"]
    (found,) = (one for one in look["methods"] if one["method"] == "contribution")
    shown.open(file, "#/flow?t=1")
    assert f"{round(found['share'][1] * 100)} %" in shown.text(".step[aria-checked='true']")
    bars = [
        float(text.replace("<", "")) for text in shown.page.locator(".owed").first.locator(".number").all_inner_texts()
    ]
    assert bars == pytest.approx(found["source"][1], abs=1e-3)
    shown.press("Tab")
    shown.page.locator("#step-1").focus()
    shown.press("ArrowDown")
    assert "t=2" in shown.address
    assert "from the source" in shown.page.locator("#said").text_content()


def test_align_writes_what_translate_writes(shown: Window, file: Path) -> None:
    from regard.inference.translator import Translator
    from regard.inspection.alignment import Choice, align
    from regard.inspection.attribution import PairWords
    from regard.inspection.subject import Subject
    from regard.inspection.trace import trace_subject
    from regard.metrics.alignments import pharaoh

    values = data_of(file)[0]["looks"][0]
    reading = Choice.from_json(values["choice"] | {"interval": values["choice"]["interval"]}).reading
    subject = Subject.behind(Translator.load(values["run"]))
    pair = tuple(TEXT.split()), tuple(TARGET.split())
    trace = trace_subject(subject, *pair, reading.measure)
    expected = pharaoh(align(trace, PairWords.of(subject, *pair), reading.step, reading.head))
    shown.open(file, "#/align")
    shown.wait_for(".pharaoh")
    assert shown.text(".pharaoh") == expected
    errors = values["corpus"]["alignment_errors"]
    assert shown.page.locator(".board button").count() == len(errors)
    shown.page.locator(".board button").first.click()
    assert "read=" in shown.address


def test_compare_heads_texts_and_moments_of_training(shown: Window, file: Path) -> None:
    shown.open(file, f"#/compare?a=0:{HEAD}&b=0:encoder-decoder.1.2")
    shown.wait_for(".difference .owed")
    rows = numbers(shown, ".difference .owed")
    assert len(rows) == 5
    assert all(0 < row <= 1 for row in rows)
    shown.open(file, f"#/compare?sel={HEAD}")
    shown.wait_for("#side-b")
    (_, other) = data_of(file)[0]["looks"]
    assert f"{OTHER} → {other['output']}" in shown.text(".sides > :last-child")
    shown.page.locator("select").first.select_option("t")
    slider = shown.page.locator("input[type=range]").first
    slider.wait_for()
    steps = data_of(file)[0]["training"]["steps"]
    slider.focus()
    shown.press("End")
    assert slider.get_attribute("aria-valuetext") == f"step {steps[-1]['step']}"


def numbers(shown: Window, selector: str) -> list[float]:
    texts = shown.page.locator(selector).first.locator(".number").all_inner_texts()
    return [float(text.replace("<", "")) for text in texts]


def test_a_walk_by_keyboard_alone(shown: Window, file: Path) -> None:
    shown.open(file)
    for _ in range(40):
        shown.press("Tab")
        if shown.page.evaluate("document.activeElement.className").startswith("tile"):
            break
    shown.press("Home", "ArrowRight")
    tile = shown.page.evaluate("document.activeElement.id").removeprefix("tile-")
    shown.press("x")
    assert f"out={tile}" in shown.address
    shown.press("Enter")
    assert shown.address.startswith(f"#/head?sel={tile}")
    shown.page.locator(".map").first.focus()
    shown.press("ArrowDown", "ArrowDown", "ArrowRight")
    said = shown.page.locator("#said").text_content()
    assert re.fullmatch(r"query \S+, key \S+, weight <?\d\.\d+, rank \d+", said)
    shown.press("Enter")
    assert "row=1" in shown.address
    shown.press("Escape")
    assert "row=" not in shown.address
    shown.press("w", "m")
    assert "tok=pieces" in shown.address
    assert "m=norm" in shown.address
    shown.press("c")
    assert f"pin={tile}" in shown.address
    shown.press("Escape")
    assert shown.address.startswith("#/heads")
    shown.press("?")
    shown.wait_for(".keys")
    shown.press("Escape", "4")
    assert shown.address.startswith("#/align")


def test_back_comes_back(shown: Window, file: Path) -> None:
    shown.open(file, f"#/heads?sel={HEAD}&sort=entropy")
    shown.page.locator(f'[id="tile-{HEAD}"]').dblclick()
    shown.wait_for(".head-view")
    shown.page.evaluate("history.back()")
    shown.wait_for(".heads")
    assert shown.address == f"#/heads?sel={HEAD}&sort=entropy"


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("view", VIEWS)
def test_axe_finds_no_serious_fault(chromium: Any, file: Path, view: str, theme: str) -> None:
    if not AXE.is_file():
        pytest.skip("axe-core is not there: make page")
    with window(chromium, theme=theme) as shown:
        shown.open(file, f"#/{view}?sel={HEAD}&out={HEAD}")
        shown.wait_for("canvas, .steps")
        shown.page.evaluate(AXE.read_text(encoding="utf-8"))
        found = shown.page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
        serious = [one for one in found["violations"] if one["impact"] in ("serious", "critical")]
        assert [(one["id"], [node["html"][:120] for node in one["nodes"]][:3]) for one in serious] == []


def test_the_theme_button_turns_dark(shown: Window, file: Path) -> None:
    shown.open(file)
    before = shown.page.evaluate("getComputedStyle(document.body).backgroundColor")
    shown.page.get_by_role("button", name="Dark").click()
    assert before == "rgb(255, 255, 255)"
    assert shown.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(22, 25, 29)"


@pytest.mark.parametrize("view", VIEWS)
def test_a_narrow_screen_needs_no_sideways_scroll(chromium: Any, file: Path, view: str) -> None:
    with window(chromium, width=360, hover=False) as shown:
        shown.open(file, f"#/{view}?sel={HEAD}&out={HEAD}")
        shown.wait_for("canvas, .steps")
        assert shown.page.evaluate("document.documentElement.scrollWidth") <= 360


def test_a_long_text_is_pooled_and_says_so(
    shown: Window, run: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_module, "LONG", 3)
    monkeypatch.setattr(page_module, "SMALL", 3)
    page = tmp_path / "long.html"
    assert main(["look", run, TEXT, "--target", TARGET, "-o", str(page)]) == 0
    shown.open(page)
    assert "largest of 2 × 2 pieces" in shown.text(".encoder .quiet")
    assert "--silence each" in shown.text(".knockout code")
    shown.wait_for("aside .cells canvas")
    assert shown.page.locator(".tile canvas").first.evaluate("(canvas) => canvas.width") == 3


def test_a_page_without_its_bytes_says_so(shown: Window, file: Path, tmp_path: Path) -> None:
    text = re.sub(r"<script type=\"application/octet-stream\".*?</script>", "", file.read_text(encoding="utf-8"))
    (tmp_path / "cut.html").write_text(text, encoding="utf-8")
    shown.open(tmp_path / "cut.html")
    assert "This page is damaged" in shown.text("[role=alert]")
