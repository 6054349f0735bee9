"""How close is equal. Integers are compared with ==; a looser bound than these needs a comment that says why."""

SAME_MATH = {"rtol": 1e-5, "atol": 1e-6}
"""float32, another order of sums."""

LOW_PRECISION = {"rtol": 2e-2, "atol": 2e-2}
"""bfloat16."""
