"""Models for CTranslate2, and what runs them."""
