"""Exact n-gram tables of a list of sentences, in numpy.

Every n-gram gets a number of its own: an n-gram is the pair (number of its first n-1 tokens, last
token), and the pairs that occur are ranked. Nothing is hashed, so no two n-grams are ever confused.
"""

import itertools
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from seqgen.metrics.arrays import Integers


@dataclass(frozen=True)
class Encoded:
    """Sentences as numbers: all ``tokens`` in one row, ``lengths`` (rows,) of the sentences, and
    the ``vocabulary`` size: tokens lie in 0..vocabulary-1."""

    tokens: Integers
    lengths: Integers
    vocabulary: int


@dataclass(frozen=True)
class Occurrences:
    """The n-grams of one order, one entry an occurrence, in the order of the text.

    ``ids`` (occurrences,) are the n-grams' numbers in 0..kinds-1, ``rows`` (occurrences,) the
    sentences they stand in.
    """

    order: int
    ids: Integers
    rows: Integers
    kinds: int


@dataclass(frozen=True)
class Counts:
    """How often each n-gram stands in each sentence: one entry a pair that occurs, (pairs,) each,
    sorted by n-gram, then by sentence; ``starts`` (kinds,) says where each n-gram's entries begin.
    """

    ids: Integers
    rows: Integers
    counts: Integers
    starts: Integers


def encode(sentences: Sequence[Sequence[str]]) -> Encoded:
    """Number the tokens of the sentences in the order of their first occurrence."""
    lengths = np.fromiter(map(len, sentences), np.int64, len(sentences))
    numbers: defaultdict[str, int] = defaultdict(itertools.count().__next__)
    flat = map(numbers.__getitem__, itertools.chain.from_iterable(sentences))
    tokens = np.fromiter(flat, np.int64, int(lengths.sum()))
    return Encoded(tokens, lengths, len(numbers))


def occurrences(text: Encoded, longest: int) -> Iterator[Occurrences]:
    """Yield the n-grams of orders 1 to ``longest``, one order at a time."""
    rows = np.repeat(np.arange(len(text.lengths)), text.lengths)
    end = np.repeat(np.cumsum(text.lengths), text.lengths)
    first = np.arange(len(text.tokens))
    ids, kinds = text.tokens, text.vocabulary
    yield Occurrences(1, ids, rows, kinds)
    for order in range(2, longest + 1):
        fits = first + order <= end[first]
        first, prefix = first[fits], ids[fits]
        pairs = prefix * text.vocabulary + text.tokens[first + order - 1]
        distinct, ids = np.unique(pairs, return_inverse=True)
        yield Occurrences(order, ids, rows[first], len(distinct))


def count(found: Occurrences, sentences: int) -> Counts:
    """Count the occurrences of each n-gram in each of the ``sentences`` sentences."""
    pairs = np.sort(found.ids * sentences + found.rows)
    starts = _run_starts(pairs)
    ids, rows = np.divmod(pairs[starts], sentences)
    return Counts(ids, rows, np.diff(starts, append=len(pairs)), _run_starts(ids))


def _run_starts(values: Integers) -> Integers:
    """Return where runs of equal values begin in a sorted array."""
    changes = np.ones(len(values), bool)
    changes[1:] = values[1:] != values[:-1]
    return np.flatnonzero(changes)
