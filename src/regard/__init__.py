"""regard: pairs of texts to a trained, measured, translating encoder-decoder Transformer."""

__version__ = "0.1.0"
