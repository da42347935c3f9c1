"""Counts of n-grams as Kneser-Ney smoothing wants them, in arrays.

"Improved backing-off for m-gram language modeling", Kneser and Ney 1995: below the highest order an
n-gram counts for the number of distinct words in front of it, and not for its occurrences.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from seqgen.metrics.arrays import Flags, Integers
from seqgen.metrics.ngrams import Encoded, Occurrences, occurrences
from seqgen.ngram_model.words import BEGIN, SPECIALS

_BEGIN = SPECIALS.index(BEGIN)


@dataclass(frozen=True)
class Grams:
    """The n-grams of one order, sorted by prefix and last word; all arrays are (kinds,).

    ``counts`` are the adjusted ones. ``prefixes`` are the numbers of the n-grams without their last
    word among those one shorter, ``suffixes`` without their first, ``words`` the last words. Of
    single words prefix and suffix are the empty n-gram, 0.
    """

    counts: Integers
    prefixes: Integers
    suffixes: Integers
    words: Integers


@dataclass(frozen=True)
class _Raw:
    """The n-grams of one order before the next longer ones are known."""

    grams: Grams  # with raw counts
    begins: Flags  # n-grams that start with BEGIN

    def adjusted(self, longer: Grams) -> Grams:
        """Count the distinct words in front, but keep raw counts where none can stand there."""
        given = self.grams
        in_front = np.bincount(longer.suffixes, minlength=len(given.counts))
        counts = np.where(self.begins, given.counts, in_front)
        return Grams(counts, given.prefixes, given.suffixes, given.words)


def adjusted_counts(text: Encoded, order: int) -> list[Grams]:
    """Return the n-grams of orders 1 to ``order`` of sentences with BEGIN and END around them.

    The highest order keeps its raw counts, and so do n-grams that start with BEGIN, as nothing
    stands in front of it. BEGIN alone is never predicted: its count is 0.
    """
    found = list(_raw(text, order))
    result = [raw.adjusted(longer.grams) for raw, longer in pairwise(found)]
    result.append(found[-1].grams)
    counts = result[0].counts.copy()
    counts[_BEGIN] = 0
    result[0] = Grams(counts, result[0].prefixes, result[0].suffixes, result[0].words)
    return result


def _raw(text: Encoded, order: int) -> Iterator[_Raw]:
    """Yield the n-grams of each order with their raw counts."""
    found = occurrences(text, order)
    shorter = next(found)
    empty = np.zeros(text.vocabulary, np.int64)
    words = np.arange(text.vocabulary)
    last = _Raw(Grams(_counts(shorter), empty, empty, words), words == _BEGIN)
    yield last
    for longer in found:
        last = _lengthened(last, shorter, longer)
        shorter = longer
        yield last


def _lengthened(before: _Raw, shorter: Occurrences, longer: Occurrences) -> _Raw:
    """Link n-grams to those one shorter: at one place of the text both have the same start.

    Of two shorter n-grams that stand next to each other in one sentence, the first is the prefix
    and the second the suffix of a longer one, and the longer ones come in this order.
    """
    inside = shorter.rows[1:] == shorter.rows[:-1]
    prefixes, suffixes = np.empty((2, longer.kinds), np.int64)
    prefixes[longer.ids] = shorter.ids[:-1][inside]
    suffixes[longer.ids] = shorter.ids[1:][inside]
    grams = Grams(_counts(longer), prefixes, suffixes, before.grams.words[suffixes])
    return _Raw(grams, before.begins[prefixes])


def _counts(found: Occurrences) -> Integers:
    return np.bincount(found.ids, minlength=found.kinds)
