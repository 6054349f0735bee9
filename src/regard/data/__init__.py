"""Pairs of texts to padded batches."""
