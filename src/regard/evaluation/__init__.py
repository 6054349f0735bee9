"""How good a model is on given pairs, and whether another one is better."""
