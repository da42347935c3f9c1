"""Counts and discounts -> probabilities and back-offs, interpolated Kneser-Ney."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seqgen.metrics.arrays import Floats
from seqgen.ngram_model.counting import Grams
from seqgen.ngram_model.discounts import Discounts
from seqgen.ngram_model.tables import NEVER, Order, stored
from seqgen.ngram_model.words import BEGIN, SPECIALS


def estimate(counted: Sequence[Grams], discounts: Sequence[Discounts]) -> list[Order]:
    """Return the model: after a context seen, each word keeps its count less the discount, and what
    was taken is shared out by the probability after the next shorter context.

    Single words are interpolated with 1 / V, where V counts the words, UNKNOWN and END.
    """
    vocabulary = len(counted[0].counts)
    lower = np.array([1 / (vocabulary - 1)])  # all but BEGIN
    kept: list[tuple[Floats, Floats]] = []  # probabilities and the back-offs of their contexts
    for grams, discount in zip(counted, discounts, strict=True):
        probabilities, backoffs = _interpolated(grams, discount, lower)
        kept.append((probabilities, backoffs))
        lower = probabilities
    kept[0][0][SPECIALS.index(BEGIN)] = 0.0
    # The back-off of an n-gram is found one order higher; the longest have none.
    above = [backoffs for _, backoffs in kept[1:]] + [np.ones(len(kept[-1][0]))]
    return [
        Order(grams.prefixes * vocabulary + grams.words, _log(probabilities), _log(backoffs))
        for grams, (probabilities, _), backoffs in zip(counted, kept, above, strict=True)
    ]


def _interpolated(grams: Grams, discount: Discounts, lower: Floats) -> tuple[Floats, Floats]:
    """The probabilities of these n-grams (kinds,), and the back-off of each n-gram one shorter: 1
    where nothing follows it."""
    contexts = len(lower)
    taken = np.array([0.0, *discount])[np.minimum(grams.counts, 3)]
    totals = np.bincount(grams.prefixes, grams.counts, minlength=contexts)
    handed_down = np.bincount(grams.prefixes, taken, minlength=contexts)
    followed = totals > 0
    backoffs = np.divide(handed_down, totals, out=np.ones(contexts), where=followed)
    shares = (grams.counts - taken) / totals[grams.prefixes]
    return shares + backoffs[grams.prefixes] * lower[grams.suffixes], backoffs


def _log(values: Floats) -> Floats:
    logs = np.full(len(values), NEVER)
    return stored(np.log10(values, out=logs, where=values > 0))
