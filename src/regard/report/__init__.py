"""What a run came to, to read and to keep: one page for people, one card for the model."""
