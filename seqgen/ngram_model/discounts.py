"""How much is taken from the count of an n-gram: one figure each for counts 1, 2 and 3 or more."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seqgen.errors import UserError
from seqgen.metrics.arrays import Integers

Discounts = tuple[float, float, float]
FALLBACK: Discounts = (0.5, 1.0, 1.5)
"""Where a text is too small to compute them; what KenLM's ``lmplz --discount_fallback`` takes."""


def modified(counts: Integers) -> Discounts:
    """Return the discounts of modified Kneser-Ney smoothing from all adjusted counts of one order.

    With n_k the number of n-grams of count k and Y = n_1 / (n_1 + 2 n_2), the discount of count k
    is k - (k + 1) Y n_(k+1) / n_k ("An empirical study of smoothing techniques for language
    modeling", Chen and Goodman 1999, equation 26). A tiny text may lack some count of counts, or
    give a discount outside 0..k; then the three are FALLBACK.
    """
    of = np.bincount(np.minimum(counts, 5), minlength=6).tolist()
    if not (of[1] and of[2] and of[3]):
        return FALLBACK
    share = of[1] / (of[1] + 2 * of[2])
    one, two, three = (k - (k + 1) * share * of[k + 1] / of[k] for k in (1, 2, 3))
    sound = 0 <= one <= 1 and 0 <= two <= 2 and 0 <= three <= 3
    return (one, two, three) if sound else FALLBACK


def given(discount: float | Sequence[float], order: int) -> list[Discounts]:
    """Return what a caller chose: one discount for all orders, or one for each, unigrams first.

    Raises:
        UserError: a discount outside 0..1, or not as many as orders.
    """
    values = [discount] * order if isinstance(discount, int | float) else list(discount)
    if len(values) != order:
        raise UserError(
            f"{len(values)} discounts given for order {order}: give one, or one for each order"
        )
    for value in values:
        if not 0 <= value <= 1:
            raise UserError(f"discount {value}: must lie between 0 and 1, as in 0.75")
    return [(float(value),) * 3 for value in values]
