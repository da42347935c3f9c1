"""Whether chance alone makes so large a difference: Student's t, from first principles."""

import math


def two_sided(t: float, freedom: float) -> float:
    """Return how probable a Student's t at least so far from 0 is.

    The finite sums for whole degrees of freedom ("Handbook of Mathematical Functions", Abramowitz
    and Stegun 1964, 26.7.3 and 26.7.4); fractions are rounded down, which is cautious. Raises
    ValueError for fewer than 1.
    """
    whole = math.floor(freedom) if math.isfinite(freedom) else 10_000
    if whole < 1:
        raise ValueError(f"{freedom} degrees of freedom given: at least 1 is needed")
    angle = math.atan(abs(t) / math.sqrt(whole))
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = whole % 2
    term = cosine if odd else 1.0
    total = 0.0
    for step in range(1 + odd, whole, 2):
        total += term
        term *= cosine**2 * step / (step + 1)
    if odd:
        return max(0.0, 1 - 2 / math.pi * (angle + sine * total))
    return max(0.0, 1 - sine * total)
