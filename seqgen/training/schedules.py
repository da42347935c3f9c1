"""How rates and probabilities change over updates: plain functions that return functions of the
update number.

The first four give factors on a learning rate; update numbers count from 0. The decays are those of
scheduled sampling (Bengio et al., "Scheduled Sampling for Sequence Prediction with Recurrent Neural
Networks", 2015, arXiv 1506.03099).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

Schedule = Callable[[int], float]


def constant(warm_up: int = 0) -> Schedule:
    """1, after a straight rise over `warm_up` updates."""
    _require(warm_up >= 0, f"warm_up {warm_up} must be at least 0")
    return lambda update: _rise(update, warm_up)


def cosine(updates: int, warm_up: int = 0, last: float = 0.0) -> Schedule:
    """A straight rise to 1 over `warm_up` updates, then half a cosine down to `last` at update
    `updates`.
    """
    return _risen(
        updates,
        warm_up,
        lambda share: last + (1 - last) * 0.5 * (1 + math.cos(math.pi * share)),
    )


def linear(updates: int, warm_up: int = 0, last: float = 0.0) -> Schedule:
    """A straight rise to 1 over `warm_up` updates, then a straight line down to `last` at update
    `updates`.
    """
    return _risen(updates, warm_up, lambda share: 1 + (last - 1) * share)


def inverse_square_root(warm_up: int) -> Schedule:
    """A straight rise to 1 over `warm_up` updates, then sqrt(warm_up / update) (Vaswani et al.
    2017, arXiv 1706.03762).
    """
    _require(warm_up >= 1, f"warm_up {warm_up} must be at least 1")

    def factor(update: int) -> float:
        return _rise(update, warm_up) if update < warm_up else math.sqrt(warm_up / (update + 1))

    return factor


def linear_decay(start: float, slope: float, minimum: float = 0.0) -> Schedule:
    """max(minimum, start - slope * update): a probability that falls along a line."""
    _require(slope >= 0, f"slope {slope} must be at least 0; it is subtracted")
    return lambda update: max(minimum, start - slope * update)


def exponential_decay(base: float) -> Schedule:
    """base ** update, for 0 <= base <= 1."""
    _require(0 <= base <= 1, f"base {base} must be from 0 to 1")
    return lambda update: base**update


def inverse_sigmoid_decay(speed: float) -> Schedule:
    """k / (k + exp(update / k)) with k = `speed` >= 1: near 1 at first, then falling to 0."""
    _require(speed >= 1, f"speed {speed} must be at least 1")

    def probability(update: int) -> float:
        # 1 / (1 + exp(x)) with x = update / k - log k, written so that nothing overflows.
        exponent = update / speed - math.log(speed)
        if exponent > 0:
            return math.exp(-exponent) / (1 + math.exp(-exponent))
        return 1 / (1 + math.exp(exponent))

    return probability


def piecewise_linear(points: Sequence[tuple[int, float]]) -> Schedule:
    """Straight lines through (update, value) points, the outer values beyond them: annealing of
    weights and temperatures.
    """
    updates = [update for update, _ in points]
    _require(
        bool(points) and all(a < b for a, b in pairwise(updates)),
        f"points {list(points)} must be at least one, with rising update numbers",
    )

    def value(update: int) -> float:
        if update <= updates[0]:
            return points[0][1]
        for (left, low), (right, high) in pairwise(points):
            if update <= right:
                return low + (high - low) * (update - left) / (right - left)
        return points[-1][1]

    return value


def geometric(start: float, end: float, updates: int) -> Schedule:
    """From `start` to `end`, both above 0, by equal factors over `updates`, then `end`."""
    _require(
        start > 0 and end > 0 and updates >= 1,
        f"start {start} and end {end} must be above 0, updates {updates} at least 1",
    )
    return lambda update: start * (end / start) ** min(1.0, update / updates)


def _risen(updates: int, warm_up: int, fall: Callable[[float], float]) -> Schedule:
    """A straight rise over `warm_up` updates, then `fall` of the share of the rest that is over."""
    _require(
        0 <= warm_up < updates, f"warm_up {warm_up} must be at least 0 and below updates {updates}"
    )

    def factor(update: int) -> float:
        if update < warm_up:
            return _rise(update, warm_up)
        return fall(min(1.0, (update - warm_up) / (updates - warm_up)))

    return factor


def _rise(update: int, warm_up: int) -> float:
    # The first update is not lost: it has 1 / warm_up, not 0.
    return min(1.0, (update + 1) / warm_up) if warm_up else 1.0


def _require(fine: bool, message: str) -> None:
    if not fine:
        raise ValueError(message)
