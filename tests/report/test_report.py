import re
from collections.abc import Mapping
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from regard.errors import CheckpointError
from regard.inspection.maps import WHAT_IT_IS_NOT
from regard.report.page import write_report
from tests.report.fake_run import EMPTY, REFUSED, STEPS, VALID, attention_map, evaluation, write_fake_run

EVIL = '<script>alert("1")</script> & \' $& }}'
VOID = {"meta"}
BLOCKS = {
    "title",
    "h1",
    "h2",
    "h3",
    "p",
    "li",
    "dt",
    "dd",
    "th",
    "td",
    "caption",
    "figcaption",
    "summary",
    "text",
    "pre",
}


class Page(HTMLParser):
    """A parsed page: its elements with their attributes, its text, and whether every element was closed in turn."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(file.read_text(encoding="utf-8"))
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        if tag in BLOCKS:
            self.text += "\n"

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text += data

    def all(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.elements if tag == name]


def full_page(path: Path, text: str = "") -> Page:
    write_fake_run(path / "run", source=text)
    return Page(write_report(path / "run", evaluation=evaluation(text), maps=[attention_map(text)]))


def words_of(page: Page) -> str:
    return " ".join(page.text.split())


def test_every_element_is_closed_and_no_name_is_given_twice(tmp_path: Path) -> None:
    page = full_page(tmp_path)
    assert page.open == []
    names = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(names) == len(set(names))


def test_nothing_is_loaded_and_nothing_runs(tmp_path: Path) -> None:
    page = full_page(tmp_path)
    source = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "//" not in source
    assert not re.search(r"url\(|@import|javascript:", source)
    assert not {"script", "link", "img", "iframe", "object", "base", "form"} & {tag for tag, _ in page.elements}
    loading = {"src", "href", "srcset", "data", "action", "poster", "xlink:href"}
    assert not any(loading & attributes.keys() for _, attributes in page.elements)
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)
    assert "default-src 'none'; style-src 'unsafe-inline'" in [meta.get("content") for meta in page.all("meta")]


def test_what_users_give_stays_text(tmp_path: Path) -> None:
    page = full_page(tmp_path, EVIL)
    assert page.open == []
    assert not page.all("script")
    samples, worst, in_map, warning, choice = 3 * 3, 2 * 3, 3, 1, 1  # a sample: source, reference, last output
    assert page.text.count(EVIL) == samples + worst + in_map + warning + choice
    assert any(attributes.get("aria-label") == EVIL for attributes in page.all("div"))


def test_a_run_named_like_markup(tmp_path: Path) -> None:
    run = write_fake_run(tmp_path / "<b>&amp;")
    page = Page(write_report(run))
    assert not page.all("b")
    assert page.text.startswith("<b>&amp;: report")
    assert f"regard evaluate '{run}' '{run / 'valid.jsonl'}'" in page.text


def test_the_opening_tells_the_run_in_three_sentences(tmp_path: Path) -> None:
    words = "Reads en, writes de. 39.7 BLEU (95 % interval 38.1 to 41.4) on 1,014 held-out pairs."
    assert f"{words} 2.6 M parameters, 11 minutes on 2 cores." in words_of(full_page(tmp_path))


def test_without_an_evaluation_the_best_validation_speaks(tmp_path: Path) -> None:
    write_fake_run(tmp_path / "run")
    text = words_of(Page(write_report(tmp_path / "run")))
    assert "38.3 BLEU on 1,000 held-out pairs. 2.6 M parameters" in text
    assert "The same pairs chose the best step" in text
    assert "Weak spots" not in text


def test_counts_reconcile(tmp_path: Path) -> None:
    text = words_of(full_page(tmp_path))
    names = ("read", "left out, empty target", "held out", "to learn from", "left out, too long", "used")
    counts = re.search(".*?".join(rf"{name} ([\d,]+)" for name in names), text)
    assert counts
    read, empty, valid, train, refused, used = (int(number.replace(",", "")) for number in counts.groups())
    assert (empty, valid, refused) == (len(EMPTY), VALID, len(REFUSED))
    assert read - empty - valid == train
    assert train - refused == used
    assert "lines 3, 17 and 20,001" in text
    assert f"Held-out pairs Pairs held out {VALID:,} used {VALID:,}" in text


@pytest.mark.parametrize("validations", [0, 1, 2])
def test_a_run_that_has_only_begun(tmp_path: Path, validations: int) -> None:
    write_fake_run(tmp_path / "run", validations=validations)
    page = Page(write_report(tmp_path / "run"))
    assert page.open == []
    assert ("Not validated yet." in page.text) is (validations == 0)


def test_the_best_step_is_marked(tmp_path: Path) -> None:
    page = full_page(tmp_path)
    assert page.text.count(f"best: {STEPS:,}") == 2
    assert "averaged, best" in page.text


def test_every_chart_says_its_numbers_in_words_and_has_a_table(tmp_path: Path) -> None:
    page = full_page(tmp_path)
    charts = [attributes["aria-label"] for attributes in page.all("svg") if attributes.get("role") == "img"]
    assert len(charts) == 7
    assert all(charts)
    assert "Loss, nats per target token, by step: training from 4.78 at 300 to 1.00 at 6,000" in str(charts[0])
    assert page.text.count("39.74") == 1
    assert "30.2 (23.1 to 37.3)" in page.text


def test_headings_go_down_one_level_at_a_time(tmp_path: Path) -> None:
    levels = [int(tag[1]) for tag, _ in full_page(tmp_path).elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_every_map_says_what_it_is_not(tmp_path: Path) -> None:
    text = words_of(full_page(tmp_path))
    assert text.count(WHAT_IT_IS_NOT) == 1


def test_text_finds_its_own_direction(tmp_path: Path) -> None:
    page = full_page(tmp_path)
    directions = [attributes.get("dir") for attributes in page.all("dd")]
    assert directions
    assert set(directions) == {"auto"}


def test_how_a_run_failed(tmp_path: Path) -> None:
    run = write_fake_run(tmp_path / "run", validations=3)
    status = '{"state": "failed", "step": 900, "problem": "step 901: the loss is no longer a number"}'
    (run / "status.json").write_text(status, encoding="utf-8")
    text = words_of(Page(write_report(run)))
    assert "State: failed at step 900 of 6,000: step 901: the loss is no longer a number." in text


def test_no_run(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="is no run folder"):
        write_report(tmp_path)


def luminance(colour: str) -> float:
    """Return the relative luminance of "#rrggbb" (WCAG 2.1)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def themes(page: str) -> list[Mapping[str, Any]]:
    return [dict(re.findall(r"--(\w+): ([^;]+);", block)) for block in re.findall(r":root \{(.*?)\}", page, re.DOTALL)]


def test_contrast(tmp_path: Path) -> None:
    full_page(tmp_path)
    found = themes((tmp_path / "run" / "report.html").read_text(encoding="utf-8"))
    assert len(found) == 2
    for colours in found:
        heat = "#" + "".join(f"{int(part):02x}" for part in colours["heat"].split())
        for ink, paper in (
            ("ink", "paper"),
            ("ink", "shade"),
            ("quiet", "paper"),
            ("accent", "paper"),
            ("good", "paper"),
        ):
            assert contrast(colours[ink], colours[paper]) >= 4.5, (ink, paper)
        assert contrast(colours["ink"], heat) >= 4.5
        assert all(contrast(colours[f"line{i}"], colours["paper"]) >= 3 for i in range(6))
