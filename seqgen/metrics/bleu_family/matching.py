"""How many n-grams each sentence shares with others, clipped as BLEU clips them, in numpy.

Exact and made for whole corpora. An n-gram can only be shared when both n-grams inside it that are
one token shorter are shared, so each order looks only at what the order before left. N-grams are
numbered by sorting, never hashed, so no two are confused.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from seqgen.metrics.arrays import Flags, Floats, Integers
from seqgen.metrics.ngrams import Encoded

LARGEST = 2**63
"""The first number that no longer fits an entry of the sorted arrays."""


@dataclass(frozen=True)
class Shared:
    """How often each n-gram that several parts share stands in each sentence: one entry a pair of
    n-gram and sentence, sorted so. ``rows`` (pairs,) are the sentences, ``counts`` (pairs,) how
    often, ``starts`` (kinds,) where the entries of each n-gram begin."""

    rows: Integers
    counts: Integers
    starts: Integers


def matches_across(text: Encoded, first: int, longest: int) -> Floats:
    """Return the clipped matches of the ``first`` sentences with the rest, and of the rest with
    the ``first``, (orders 1 to longest, rows)."""
    rows = len(text.lengths)
    parts = (np.arange(rows) >= first).astype(np.int64)
    tables = _shared(text, parts, longest)
    return np.stack([_sums(t.rows, _clipped_across(t, parts), rows) for t in tables])


def matches_within(text: Encoded, longest: int) -> Floats:
    """Return the clipped matches of each sentence with all others, (orders 1 to longest, rows)."""
    rows = len(text.lengths)
    tables = _shared(text, np.arange(rows), longest)
    return np.stack([_sums(t.rows, _clipped_within(t), rows) for t in tables])


def _clipped_across(table: Shared, parts: Integers) -> Integers:
    """Return each count, at most the largest count of the n-gram in the other part, (pairs,)."""
    # Rows ascend and so do their parts: every n-gram has one run in part 0, then one in part 1.
    part = parts[table.rows]
    begins = _changes(part)
    begins[table.starts] = True
    runs = np.flatnonzero(begins)
    if not len(runs):
        return table.counts
    largest = np.maximum.reduceat(table.counts, runs).reshape(-1, 2)
    limits: Integers = np.repeat(largest[:, ::-1].ravel(), _sizes(runs, len(part)))
    clipped: Integers = np.minimum(table.counts, limits)
    return clipped


def _clipped_within(table: Shared) -> Integers:
    """Return each count, at most the largest count of the n-gram in another sentence, (pairs,)."""
    if not len(table.starts):
        return table.counts
    sizes = _sizes(table.starts, len(table.counts))
    largest = np.maximum.reduceat(table.counts, table.starts)
    # Where an n-gram stands once in each of its sentences, nothing is clipped; that is most often.
    repeated = largest > 1
    if not repeated.any():
        return table.counts
    some = np.repeat(repeated, sizes)
    clipped = table.counts.copy()
    clipped[some] = _clipped_by_others(table.counts[some], largest[repeated], sizes[repeated])
    return clipped


def _clipped_by_others(counts: Integers, largest: Integers, sizes: Integers) -> Integers:
    """Return the counts of n-grams clipped: for who holds the largest, at the second largest."""
    limits = np.repeat(largest, sizes)
    holders = np.flatnonzero(counts == limits)
    ngrams = np.repeat(np.arange(len(sizes)), sizes)
    holder = holders[_changes(ngrams[holders])]  # the first of each n-gram
    without = counts.copy()
    without[holder] = 0
    limits[holder] = np.maximum.reduceat(without, np.cumsum(sizes) - sizes)
    return np.minimum(counts, limits)


def _shared(text: Encoded, parts: Integers, longest: int) -> Iterator[Shared]:
    """Yield the n-grams of orders 1 to ``longest`` that stand in more than one part.

    ``parts`` (rows,) says to which part each sentence belongs; it ascends.
    """
    rows = np.repeat(np.arange(len(text.lengths)), text.lengths)
    keys, positions, words, kinds = text.tokens, np.arange(len(rows)), text.tokens, 0
    for order in range(1, longest + 1):
        keys, positions = _sorted(keys, positions, len(rows))
        positions, sizes = _kept(keys, positions, rows, parts)
        ngrams = np.repeat(np.arange(len(sizes)), sizes)
        yield _table(ngrams, rows[positions])
        ids = np.full(len(rows) + 1, -1)
        ids[positions] = ngrams
        if order == 1:
            words, kinds = ids, len(sizes)
        both = (ids[:-1] >= 0) & (ids[1:] >= 0)
        both[:-1] &= rows[1:] == rows[:-1]
        positions = np.flatnonzero(both)
        keys = ids[positions] * kinds + words[positions + order]


def _sorted(keys: Integers, positions: Integers, size: int) -> tuple[Integers, Integers]:
    """Return keys and positions sorted by key, then by position; positions lie below ``size``."""
    bits = size.bit_length()
    if len(keys) and (int(keys.max()) + 1) << bits > LARGEST:
        keys = np.unique(keys, return_inverse=True)[1]
    packed = (keys << bits) | positions  # one plain sort is faster than sorting indices
    packed.sort()
    return packed >> bits, packed & ((1 << bits) - 1)


def _kept(
    keys: Integers, positions: Integers, rows: Integers, parts: Integers
) -> tuple[Integers, Integers]:
    """Return the positions of the n-grams that stand in more than one part, still sorted, and how
    many positions each such n-gram has, (kinds,)."""
    starts = np.flatnonzero(_changes(keys))
    sizes = _sizes(starts, len(keys))
    first, last = positions[starts], positions[starts + sizes - 1]
    shared = parts[rows[first]] != parts[rows[last]]
    return positions[np.repeat(shared, sizes)], sizes[shared]


def _table(ngrams: Integers, rows: Integers) -> Shared:
    """Count the pairs of n-gram and sentence, of sorted occurrences."""
    begins = _changes(ngrams)
    begins |= _changes(rows)
    pairs = np.flatnonzero(begins)
    starts = np.flatnonzero(_changes(ngrams[pairs]))
    return Shared(rows[pairs], _sizes(pairs, len(rows)), starts)


def _changes(values: Integers) -> Flags:
    """Return where a value differs from the one before it; the first always does."""
    changes = np.ones(len(values), bool)
    np.not_equal(values[1:], values[:-1], out=changes[1:])
    return changes


def _sizes(starts: Integers, end: int) -> Integers:
    """Return the lengths of the runs that begin at ``starts``."""
    return np.diff(starts, append=end)


def _sums(rows: Integers, values: Integers, sentences: int) -> Floats:
    """Return the sum of the values of each row, (sentences,)."""
    return np.bincount(rows, values, sentences).astype(np.float64)
