"""Which word became which, worked out by reading both phrases."""

from datetime import datetime
from decimal import Decimal

import pytest

from regard.metrics.alignments import written
from regard.tasks.base import AlignedTask
from regard.tasks.configs import PhrasebookConfig
from regard.tasks.phrasebook import Phrasebook
from regard.tasks.phrasebook.gold import MarkingWriter, aligned
from regard.tasks.phrasebook.meanings import Joined, Meaning, Moment, Name, Quantity, Rate, Relative, Span, When
from regard.text.words import word_spans

DAY, LATER = datetime(1957, 10, 5, 15, 7), datetime(1957, 10, 5, 16, 15)

CASES: list[tuple[Meaning, str, str, str]] = [
    (When("full date", DAY), "Saturday, October 5, 1957", "Samstag, 5. Oktober 1957", "0-0 1-2 2-1 3-3"),
    (When("short time", DAY), "3:07 PM", "15:07", "0-0 1-0"),
    (Span("jm", DAY, LATER), "3:07 – 4:15 PM", "15:07–16:15 Uhr", "0-0 0p1 2-0 2p1 3-0 3p1"),
    (Span("yMMMM", datetime(1957, 3, 1), datetime(1957, 5, 1)), "March – May 1957", "März–Mai 1957", "0-0 2-0 3-1"),
    (Quantity(Decimal(12), "length-kilometer"), "12 kilometers", "12 Kilometer", "0-0 1-1"),
    (Relative(-3, "day"), "3 days ago", "vor 3 Tagen", "0-1 1p0 1p2 2p0 2p2"),
    (Joined("or", (Name("language", "sw"), Name("language", "cu"))), "Swahili or Church Slavic",
     "Suaheli oder Kirchenslawisch", "0-0 1-1 2-2 3-2"),
    (Moment("medium", When("long date", DAY), When("short time", DAY)), "October 5, 1957, 3:07 PM",
     "5. Oktober 1957, 15:07", "0-1 1-0 2-2 3-3 4-3"),
    (Rate(Quantity(Decimal(2), "length-meter"), "duration-second"), "2 meters per second", "2 Meter pro Sekunde",
     "0-0 1-1 2p2 2p3 3p2 3p3"),
]  # fmt: skip


@pytest.mark.parametrize(("meaning", "english", "german", "links"), CASES, ids=[case[1] for case in CASES])
def test_links_by_hand(meaning: Meaning, english: str, german: str, links: str) -> None:
    source, target, gold = aligned(meaning, MarkingWriter("en"), MarkingWriter("de"))
    assert (source, target, written(gold)) == (english, german, links)


@pytest.mark.parametrize("locales", [("en", "ja"), ("ar", "zh_Hant"), ("es", "ru"), ("hi", "th")], ids="-".join)
def test_marks_change_no_phrase_and_links_lie_within_it(locales: tuple[str, str]) -> None:
    source, target = locales
    book = Phrasebook(PhrasebookConfig(source=source, target=target, train=300, valid=60, test=20))
    assert isinstance(book, AlignedTask)
    found, splits = book.aligned("train"), book.splits()
    assert [pair for pair, _ in found] == splits.train
    writers = MarkingWriter(source), MarkingWriter(target)
    _, collector = book._collected()
    for pair, gold in found:
        assert aligned(collector.meanings[pair.source], *writers) == (pair.source, pair.target, gold)
        sizes = len(word_spans(pair.source)), len(word_spans(pair.target))
        assert all(i < sizes[0] and j < sizes[1] for i, j in gold.possible)
        assert gold.sure <= gold.possible
    assert sum(bool(gold.sure) for _, gold in found) > 0.9 * len(found)
