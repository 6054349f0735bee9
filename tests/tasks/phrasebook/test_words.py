import pytest

from regard.tasks.phrasebook.words import words


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Mon, Nov 12 – Sun, Nov 18, 1979", ["Mon", "Nov", "Sun", "Nov"]),
        ("12.5 kg and €3", ["kg", "and", "€"]),
        ("Guinea-Bissau or Côte d’Ivoire", ["Guinea-Bissau", "or", "Côte", "d’Ivoire"]),
        ("5–7 - 9", []),
        ("2024年3月5日(火)", ["年", "月", "日", "火"]),
        ("3 दिन पहले", ["दिन", "पहले"]),
    ],
)
def test_words(text: str, found: list[str]) -> None:
    assert words(text) == found
