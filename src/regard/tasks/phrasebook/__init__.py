"""Phrases in any two locales, made on the fly from CLDR through Babel: data that ships with no data."""

from regard.tasks.phrasebook.book import Phrasebook
from regard.tasks.phrasebook.nearest import nearest_training_phrase

__all__ = ["Phrasebook", "nearest_training_phrase"]
