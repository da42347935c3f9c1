"""A back-off model as sorted arrays, and the probability of every token of a text in a few passes.

The number of an n-gram is its place among those of its order, sorted by (number of the n-gram
without its last word, last word). So a text's n-grams of one order are found with one binary search
over all its positions at once, from those one shorter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from seqgen.metrics.arrays import Flags, Floats, Integers

NEVER = -99.0
"""The log10 that stands for a probability of 0, as in ARPA files."""
DECIMALS = 12
"""Of all log10 values: what is written to a file, so that a model read again is the same one."""


@dataclass(frozen=True)
class Order:
    """The n-grams of one order, (kinds,) each: ``keys`` rise and are prefix number * vocabulary +
    last word, ``probabilities`` and ``backoffs`` are log10. Of order 1 the keys are the words, all
    of them."""

    keys: Integers
    probabilities: Floats
    backoffs: Floats

    def find(self, keys: Integers) -> Integers:
        """Return the numbers of the n-grams with these keys, -1 where there is none."""
        if not len(self.keys):
            return np.full(len(keys), -1)
        places = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where(self.keys[places] == keys, places, -1)


def stored(log10: Floats) -> Floats:
    """Round as a file holds it; nothing above 0 (a rounded 1) or below NEVER, and no -0."""
    return np.clip(np.round(log10, DECIMALS), NEVER, 0.0) + 0.0


def log_probabilities(orders: Sequence[Order], tokens: Integers, first: Flags) -> Floats:
    """Return the log10 probability of each token after those before it in its sentence, (tokens,).

    The longest n-gram known gives it, times the back-offs of the longer contexts that are known.

    Args:
        orders: the model.
        tokens: numbers of words, all sentences in one row.
        first: where sentences begin; these tokens have no context.
    """
    vocabulary = len(orders[0].keys)
    grams, result = tokens, orders[0].probabilities[tokens]
    for shorter, order in pairwise(orders):
        contexts = np.full(len(tokens), -1)
        contexts[1:] = grams[:-1]
        contexts[first] = -1
        places = np.flatnonzero(contexts >= 0)
        contexts = contexts[places]
        found = order.find(contexts * vocabulary + tokens[places])
        backed_off = result[places] + shorter.backoffs[contexts]
        if len(order.keys):
            result[places] = np.where(found >= 0, order.probabilities[found], backed_off)
        else:
            result[places] = backed_off
        grams = np.full(len(tokens), -1)
        grams[places] = found
    return result
