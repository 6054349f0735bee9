import json
import random

import pytest

from regard.data.check import DataReport, SideCounts, check_pairs
from regard.data.clean import CleaningConfig
from regard.data.findings import Finding
from regard.data.pairs import Pair

NUMBERS = {"one": "eins", "two": "zwei", "three": "drei", "four": "vier", "five": "fünf", "six": "sechs"}


def made(*texts: tuple[str, str]) -> list[Pair]:
    return [Pair(source, target, line=line) for line, (source, target) in enumerate(texts, start=1)]


def good(count: int) -> list[Pair]:
    """Return different pairs with nothing wrong about them."""
    numbers, texts = random.Random(1), {}
    while len(texts) < count:
        words = numbers.choices(list(NUMBERS), k=numbers.randint(5, 8))
        texts[" ".join(words)] = " ".join(NUMBERS[word] for word in words)
    return made(*texts.items())


def finding(report: DataReport, code: str) -> Finding:
    (found,) = (one for one in report.findings if one.code == code)
    return found


def codes(report: DataReport) -> list[tuple[str, str]]:
    return [(one.severity, one.code) for one in report.findings]


def test_good_pairs_have_no_findings() -> None:
    report = check_pairs(good(1000))
    assert codes(report) == []
    assert report.usable


def test_counts_by_hand() -> None:
    pairs = made(("one two", "eins zwei"), ("", "leer"), ("three  four five", "drei vier"))
    report = check_pairs(pairs)
    assert (report.read, report.kept, report.dropped) == (3, 2, {"empty source": [2]})
    assert report.source == SideCounts(words=5, characters=7 + 16, longest=3, longest_line=3)
    assert report.target == SideCounts(words=4, characters=9 + 9, longest=2, longest_line=1)
    assert report.valid is None


def test_every_pair_left_out_is_told() -> None:
    pairs = [*good(300), Pair("", "", line=301), Pair("a", " ", line=302), Pair("", "b", line=303)]
    report = check_pairs(pairs)
    assert str(finding(report, "both-sides-empty")) == (
        "1 pair left out: both sides empty (line 301); cannot be learnt from"
    )
    assert {"empty-source", "empty-target"} <= {one.code for one in report.findings}
    assert report.kept + sum(map(len, report.dropped.values())) == report.read == 303


def test_many_lines_are_counted_and_a_few_kept() -> None:
    pairs = [*good(1000), *(Pair("", "x", line=1000 + i) for i in range(1, 101))]
    empty = finding(check_pairs(pairs), "empty-source")
    assert (empty.severity, empty.count, empty.lines) == ("warning", 100, tuple(range(1001, 1021)))
    assert "(lines 1001, 1002, 1003, 1004, 1005 and 95 more)" in str(empty)


def test_repeats_copies_and_several_targets() -> None:
    pairs = good(40)
    first = pairs[0]
    more = [(first.source, first.target), (first.source, "anders"), (first.source, "noch anders"), ("same", "same")]
    pairs += [Pair(*texts, line=line) for line, texts in enumerate(more, start=41)]
    report = check_pairs(pairs)
    assert finding(report, "duplicates").lines == (41,)
    assert finding(report, "several-targets").lines == (42,)
    assert finding(report, "identical").lines == (44,)
    cleaned = check_pairs(pairs, cleaning=CleaningConfig(drop_duplicates=True, drop_identical=True))
    assert cleaned.dropped == {"duplicate": [41], "identical sides": [44]}
    assert not {"duplicates", "identical"} & {one.code for one in cleaned.findings}


def test_uneven_and_long_texts() -> None:
    pairs = [*good(200), Pair("one two three", "eins " * 500, line=201)]
    report = check_pairs(pairs)
    assert finding(report, "uneven").lines == finding(report, "long").lines == (201,)


def test_pairs_without_a_usual_ratio_are_not_uneven() -> None:
    pairs = made(*(("x" * 10 ** (i % 4), "y" * 30) for i in range(40)))
    assert "uneven" not in {one.code for one in check_pairs(pairs).findings}


def test_leaks_are_counted() -> None:
    pairs = good(200)
    report = check_pairs(pairs, [pairs[7], pairs[99], Pair("new", "neu"), Pair("", "leer")])
    leaks = finding(report, "leaks")
    assert (leaks.severity, leaks.count, leaks.lines) == ("warning", 2, (8, 100))
    assert finding(report, "valid-empty").message == "1 validation pair with an empty side"
    assert (report.valid, report.usable) == (3, True)


def test_a_validation_set_that_holds_everything_or_nothing() -> None:
    pairs = good(50)
    assert finding(check_pairs(pairs, pairs), "leaks").severity == "error"
    assert finding(check_pairs(pairs, [Pair("", "x")]), "valid-empty").severity == "error"


@pytest.mark.parametrize(("start", "stop", "severity"), [(300, 999, "error"), (500, 540, "warning")])
def test_a_shift_is_found(start: int, stop: int, severity: str) -> None:
    pairs = good(1000)
    targets = [pair.target for pair in pairs]
    targets.insert(stop, targets.pop(start))
    shifted = [Pair(pair.source, target, line=pair.line) for pair, target in zip(pairs, targets, strict=True)]
    shift = finding(check_pairs(shifted), "shift")
    assert shift.severity == severity
    assert abs(shift.lines[0] - (start + 1)) <= 2
    assert abs(shift.count - (stop - start)) <= 12
    assert "a target line seems to be missing" in shift.advice


@pytest.mark.parametrize("pairs", [[], made(("", "x")), made(("a", "b")), made(("a", "b"), ("a", "c"))])
def test_too_few(pairs: list[Pair]) -> None:
    report = check_pairs(pairs)
    assert not report.usable
    assert report.findings[0].code == "too-few"


def test_few_pairs_are_usable() -> None:
    assert codes(check_pairs(made(("one", "eins"), ("two", "zwei"), ("three", "drei")))) == [("note", "few")]


def test_the_worst_comes_first() -> None:
    pairs = [*good(30), Pair("", "", line=31)]
    assert [one.severity for one in check_pairs(pairs, pairs).findings] == ["error", "warning", "warning", "note"]


def test_the_report_is_plain_json() -> None:
    pairs = good(30)
    report = check_pairs([*pairs, Pair("", "x", line=31)], pairs[:2])
    values = json.loads(json.dumps(report.to_json()))
    assert values["read"] == values["kept"] + sum(map(len, values["dropped"].values())) == 31
    assert values["usable"] is True
    assert values["findings"][0].keys() == {"code", "severity", "count", "message", "lines", "advice"}
