import pytest

from regard.report.markup import Markup, table, tag
from regard.report.sentences import matched


def test_text_is_escaped_once_and_markup_never() -> None:
    inner = tag("b", 'a < b & "c"')
    assert inner == "<b>a &lt; b &amp; &quot;c&quot;</b>"
    assert tag("p.x", inner, " > ", attributes={"title": '"'}) == f'<p class="x" title="&quot;">{inner} &gt; </p>'


def test_joining_with_plain_text_loses_the_mark() -> None:
    assert not isinstance(Markup("<b>") + "<i>", Markup)


def test_columns_of_numbers_and_heads_of_rows() -> None:
    text = table("Caption", ["Name", "Score", "Note"], [["a", "1.5", "x"], ["b", "–", ""]])
    assert text.count('<th class="number" scope="col">') == 1
    assert text.count('<td class="number">') == 2
    assert text.count('<th scope="row">') == 2
    assert "<caption>Caption</caption>" in text


def test_a_table_without_rows() -> None:
    assert "<tbody></tbody>" in table("Caption", ["Name"], [])


@pytest.mark.parametrize(
    ("output", "reference", "marked"),
    [
        ("a dog runs", "the dog runs", "a <u>dog</u> <u>runs</u>"),
        ("a a a", "a b", "<u>a</u> a a"),
        ("犬が走る", "犬は走る", "<u>犬</u>が<u>走る</u>"),
        ("<b> x", "<b> y", "<u>&lt;b&gt;</u> x"),
        (" ", "a b", "<small>(nothing)</small>"),
        ("a b", "a", "<u>a</u> b"),
    ],
)
def test_what_output_and_reference_share_is_marked(output: str, reference: str, marked: str) -> None:
    assert matched(output, reference) == marked
