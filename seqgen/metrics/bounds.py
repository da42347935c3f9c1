"""Intervals at the edge of what a figure can be."""

from dataclasses import replace
from math import isinf

from seqgen.metrics.score import Interval

RULE = "rule of three"
NOTHING = 1e-9
"""A width below this is one of rounding."""


def bounded(
    interval: Interval, value: float, rows: int | None, most: float = 1.0
) -> Interval | None:
    """Return the interval clipped to 0 and ``most``; another one, or None, where it has no width.

    Resampled sentences that are all alike show no spread, which is not to say that the next ones
    are alike too. Where none of ``rows`` sentences had a property, a share up to 3 / rows of all
    may have it with 95 % confidence ("If Nothing Goes Wrong, Is Everything All Right?", Hanley and
    Lippman-Hand 1983), so a figure at 0 or ``most`` to which a sentence adds ``most`` / rows at
    most is within that. Of other figures without spread nothing is known; give None as ``rows`` for
    those of which a sentence may change more.
    """
    at_most = max(most, value)  # of sums the last digit may be above
    if interval.high - interval.low > NOTHING * max(1.0, abs(value)):
        return replace(interval, low=max(interval.low, 0.0), high=min(interval.high, at_most))
    if rows is None or isinf(most):
        return None
    far = most * min(1.0, 3 / rows)
    if abs(value) < NOTHING:
        return Interval(0.0, far, RULE, 0.95)
    return Interval(most - far, at_most, RULE, 0.95) if abs(most - value) < NOTHING * most else None
