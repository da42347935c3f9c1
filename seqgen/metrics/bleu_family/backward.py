"""BLEU of fixed references against many subsets of the same sentences, for intervals.

Everything that does not change from subset to subset is counted once: of each order only the
n-grams that both sides have, how often each sentence has them, how often each reference.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seqgen.metrics.arrays import Flags, Floats, Integers
from seqgen.metrics.bleu_family.formula import Smoothing, check, combine
from seqgen.metrics.bleu_family.sentence_bleu import closest_lengths
from seqgen.metrics.ngrams import Counts, count, encode, occurrences


@dataclass(frozen=True)
class SharedGrams:
    """The n-grams of one order that both sides have, one entry a pair of n-gram and row.

    ``rows`` and ``counts`` (pairs,) are those of the sentences, sorted by n-gram, and ``starts``
    (kinds,) says where each n-gram begins; ``reference_rows``, ``reference_counts`` and
    ``reference_kinds`` (reference pairs,) are those of the references, with the n-gram's place.
    """

    rows: Integers
    counts: Integers
    starts: Integers
    reference_rows: Integers
    reference_counts: Integers
    reference_kinds: Integers

    def matches(self, keep: Flags, references: int) -> Floats:
        """Return the clipped matches of each reference with the sentences of ``keep`` (rows,)."""
        if not len(self.starts):
            return np.zeros(references)
        kept = np.where(keep[self.rows], self.counts, 0)
        largest = np.maximum.reduceat(kept, self.starts)
        clipped = np.minimum(self.reference_counts, largest[self.reference_kinds])
        return np.bincount(self.reference_rows, clipped, references).astype(np.float64)


class BackwardBleu:
    """The BLEU of references against any subset of ``sentences``."""

    def __init__(
        self,
        sentences: Sequence[Sequence[str]],
        references: Sequence[Sequence[str]],
        orders: Sequence[int],
        smoothing: Smoothing,
    ) -> None:
        """Count what is shared. Raises ValueError for an order below 1 or an unknown smoothing."""
        check(orders, smoothing)
        self.orders, self.smoothing = orders, smoothing
        text = encode([*sentences, *references])
        rows = len(sentences)
        self.lengths, self.reference_lengths = text.lengths[:rows], text.lengths[rows:]
        total = len(text.lengths)
        self.tables = [
            _shared(count(found, total), rows) for found in occurrences(text, max(orders))
        ]

    def __call__(self, chosen: Integers) -> Floats:
        """Return the BLEU of each reference against the chosen sentences, (orders, references)."""
        keep = np.zeros(len(self.lengths), bool)
        keep[chosen] = True
        references = len(self.reference_lengths)
        matches = np.stack([table.matches(keep, references) for table in self.tables])
        closest = closest_lengths(self.reference_lengths, self.lengths[chosen])
        return combine(matches, self.reference_lengths, closest, self.orders, self.smoothing)


def _shared(table: Counts, first: int) -> SharedGrams:
    """Return the n-grams that stand in the ``first`` rows and in later ones."""
    ours = table.rows < first
    kinds = int(table.ids[-1]) + 1 if len(table.ids) else 0
    both = np.zeros(kinds, bool)
    both[table.ids[ours]] = True
    theirs = np.zeros(kinds, bool)
    theirs[table.ids[~ours]] = True
    both &= theirs
    places = np.cumsum(both) - 1
    left, right = ours & both[table.ids], ~ours & both[table.ids]
    starts = np.flatnonzero(np.diff(table.ids[left], prepend=-1))
    return SharedGrams(
        table.rows[left],
        table.counts[left],
        starts,
        table.rows[right] - first,
        table.counts[right],
        places[table.ids[right]],
    )
