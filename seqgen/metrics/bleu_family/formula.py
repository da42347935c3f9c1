"""From matching n-grams to the BLEU of a sentence: smoothing, brevity penalty, geometric mean.

"BLEU: a Method for Automatic Evaluation of Machine Translation", Papineni et al. 2002, with uniform
weights over the orders 1 to n, computed as nltk's ``sentence_bleu`` does.
"""

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np

from seqgen.metrics.arrays import Floats, Integers

Smoothing = Literal["method1", "none", "nltk-before-3.3"]
"""What becomes of an order without a match. ``method1`` puts EPSILON in the place of no match;
``none`` makes the sentence 0 (nltk gives a number around 1e-78); ``nltk-before-3.3`` repeats a bug:
such orders silently drop out of the product, which inflates every score. Never use the last but to
compare with papers that had it."""

EPSILON = 0.1
"""What method1 puts in the place of zero matches ("A Systematic Comparison of Smoothing Techniques
for Sentence-Level BLEU", Chen and Cherry 2014)."""


def combine(
    matches: Floats,
    lengths: Integers,
    closest: Integers | Floats,
    orders: Sequence[int],
    smoothing: Smoothing,
) -> Floats:
    """Return brevity penalty times geometric mean of the precisions, (orders, rows).

    ``matches`` (longest order, rows) are clipped, ``lengths`` and ``closest`` (rows,) those of the
    sentence and of the reference that is closest to it. Without a matching token a sentence scores
    0 under any smoothing, and an order longer than the sentence counts as one n-gram, as in nltk.
    """
    sizes = np.arange(1, len(matches) + 1)[:, None]
    possible = np.maximum(1, lengths - sizes + 1)
    logs = np.log(_smoothed(matches, possible, smoothing) / possible).cumsum(axis=0)
    penalty = np.exp(np.minimum(0.0, 1 - closest / np.maximum(lengths, 1)))
    values = np.stack([penalty * np.exp(logs[order - 1] / order) for order in orders])
    if smoothing == "none":
        values *= matches[np.array(orders) - 1] > 0  # no match of the longest order: no product
    return np.where(matches[0] == 0, 0.0, values)


def check(orders: Sequence[int], smoothing: str) -> None:
    """Raise ValueError for no order, an order below 1 or an unknown smoothing."""
    if not orders or min(orders) < 1:
        raise ValueError(f"orders {list(orders)} given: give one or more, each at least 1")
    if smoothing not in get_args(Smoothing):
        raise ValueError(f"smoothing {smoothing!r} given: it may be one of {get_args(Smoothing)}")


def _smoothed(matches: Floats, possible: Integers, smoothing: Smoothing) -> Floats:
    """Return the numerators of the precisions; no match makes the factor 1 where nothing smooths
    (``combine`` sees to what that means)."""
    return np.where(matches == 0, EPSILON if smoothing == "method1" else possible, matches)
