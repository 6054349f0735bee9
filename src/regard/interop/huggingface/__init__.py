"""The format of Hugging Face's transformers library, both ways."""
