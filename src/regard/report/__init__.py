"""What a run came to, to read and to keep: one page for people, one card for the model."""

from regard.report.card import write_model_card
from regard.report.page import write_report

__all__ = ["write_model_card", "write_report"]
