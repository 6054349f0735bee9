import json
import re
from pathlib import Path

from regard.report.card import write_model_card
from tests.report.fake_run import BLEU, evaluation, write_fake_run


def written(path: Path) -> str:
    return write_model_card(write_fake_run(path), evaluation=evaluation()).read_text(encoding="utf-8")


def front_matter(card: str) -> list[str]:
    begin, front, _ = card.split("---\n", 2)
    assert begin == ""
    return front.splitlines()


def test_what_hubs_read(tmp_path: Path) -> None:
    lines = front_matter(written(tmp_path / "run"))
    assert lines[:3] == ["language:", "- en", "- de"]
    assert "metrics:" in lines
    assert '    - {type: bleu, name: "BLEU", value: 39.74}' in lines
    assert not any("\t" in line for line in lines)


def test_the_licence_is_left_to_fill_in_and_flagged(tmp_path: Path) -> None:
    card = written(tmp_path / "run")
    assert "license: unknown  # not chosen yet: fill in" in front_matter(card)
    assert "**Licence: not chosen yet.**" in card


def test_counts_and_fingerprint_of_the_data(tmp_path: Path) -> None:
    card = written(tmp_path / "run")
    assert (
        "| to learn from | 29,000 |  |\n| left out, too long | 2 | lines 412 and 8,123 |\n| used | 28,998 |  |\n"
        in card
    )
    assert f"`{'3f1d' * 16}`" in card


def test_scores_have_signature_and_interval(tmp_path: Path) -> None:
    signature = BLEU.replace("|", "\\|")
    assert f"| BLEU | 39.74 | 38.10 to 41.42 | `{signature}` |\n" in written(tmp_path / "run")


def test_parameters_with_and_without_embeddings_by_hand(tmp_path: Path) -> None:
    """10,000 rows of 128 are 1,280,000; 512 of 2,570 are 1,315,840."""
    card = written(tmp_path / "run")
    assert "| Parameters | 2,595,840 |\n| without embeddings | 1,315,840 |\n" in card


def test_three_commands(tmp_path: Path) -> None:
    run = tmp_path / "a run"
    commands = re.findall(rf"^regard (\w+) '{run}'", written(run), re.MULTILINE)
    assert commands == ["translate", "evaluate", "info"]


def test_a_name_that_reads_as_markup(tmp_path: Path) -> None:
    name = "<b>*x*|`y`: [z]"
    card = written(tmp_path / name)
    assert "# \\<b\\>\\*x\\*\\|\\`y\\`: \\[z\\]\n" in card
    assert f"- name: {json.dumps(name)}" in front_matter(card)


def test_a_run_without_a_validation_has_no_scores(tmp_path: Path) -> None:
    card = write_model_card(write_fake_run(tmp_path / "run", validations=0)).read_text(encoding="utf-8")
    assert "## Scores" not in card
    assert "model-index:" not in card
    assert "| Parameters" not in card
