from pathlib import Path
from typing import Any

from regard.report.data import held_out_rows, named_lines, training_rows
from regard.report.run_files import RunFiles

NOTHING: dict[str, Any] = {"refused": [], "cut": []}


def run_with(data: dict[str, Any], valid: str = "") -> RunFiles:
    config = {"task": {"kind": "files", "train": "pairs.tsv", "valid": valid}}
    pairs = tuple({"source": "x", "target": "y", "line": line} for line in (1, 2))
    return RunFiles(Path("run"), config, {}, {}, data, {}, (), (), pairs)


def test_pairs_of_a_file_of_which_some_are_held_out() -> None:
    over_long = {"train": {"refused": [4], "cut": [], "used": 4}, "valid": NOTHING | {"used": 2}}
    run = run_with({"read": 8, "dropped": {"empty source": [7]}, "train": 5, "valid": 2, "over_long": over_long})
    assert list(training_rows(run)) == [
        ("read", "8", ""),
        ("left out, empty source", "1", "line 7"),
        ("held out", "2", ""),
        ("to learn from", "5", ""),
        ("left out, too long", "1", "line 4"),
        ("used", "4", ""),
    ]
    assert list(held_out_rows(run)) == [("held out", "2", ""), ("used", "2", "")]


def test_pairs_held_out_in_a_file_of_their_own_are_not_taken_from_those_read() -> None:
    run = run_with({"read": 6, "dropped": {"source is held out": [1, 2]}, "train": 4, "valid": 2}, valid="valid.tsv")
    assert [row[:2] for row in training_rows(run)] == [
        ("read", "6"),
        ("left out, source is held out", "2"),
        ("to learn from", "4"),
    ]


def test_every_reference_is_learnt_from() -> None:
    fates = {"train": {"refused": [], "cut": [3, 3], "used": 7}, "valid": NOTHING | {"used": 2}}
    run = run_with({"read": 5, "dropped": {}, "train": 5, "valid": 2, "over_long": fates}, valid="valid.jsonl")
    assert list(training_rows(run))[2:] == [
        ("each reference a pair of its own", "7", ""),
        ("used", "7", ""),
        ("of these cut to length", "2", "lines 3 and 3"),
    ]


def test_pairs_that_come_from_no_file() -> None:
    run = run_with({"over_long": {"train": NOTHING | {"used": 9}}})
    assert list(training_rows(run)) == [("made", "9", ""), ("used", "9", "")]


def test_many_lines_are_counted_and_the_first_named() -> None:
    assert named_lines(list(range(1, 1101))) == "lines 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 and 1,088 more"
    assert named_lines([5]) == "line 5"
