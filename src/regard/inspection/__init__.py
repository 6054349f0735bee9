"""Looking inside a trained model, from outside: it knows nothing of being looked at."""
