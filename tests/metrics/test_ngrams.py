"""The n-gram tables against plain counting with dictionaries."""

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from seqgen.metrics.ngrams import count, encode, occurrences

corpus = st.lists(st.lists(st.sampled_from("abcd"), max_size=7), max_size=6)


def plain(sentence, order):
    return [tuple(sentence[at : at + order]) for at in range(len(sentence) - order + 1)]


@given(corpus)
def test_same_number_means_same_ngram(sentences):
    for found in occurrences(encode(sentences), 4):
        expected = [(row, g) for row, s in enumerate(sentences) for g in plain(s, found.order)]
        assert found.rows.tolist() == [row for row, _ in expected]
        pairs = set(zip(found.ids.tolist(), [gram for _, gram in expected], strict=True))
        assert len(pairs) == len({i for i, _ in pairs}) == len({g for _, g in pairs})
        assert {i for i, _ in pairs} == set(range(found.kinds))


@given(corpus)
def test_counts_equal_a_counter(sentences):
    for found in occurrences(encode(sentences), 4):
        table = count(found, len(sentences))
        pairs = zip(found.ids.tolist(), found.rows.tolist(), strict=True)
        entries = zip(table.ids.tolist(), table.rows.tolist(), table.counts.tolist(), strict=True)
        assert [((i, row), times) for i, row, times in entries] == sorted(Counter(pairs).items())
        assert len(table.starts) == found.kinds
        np.testing.assert_array_equal(table.ids[table.starts], np.arange(found.kinds))


def test_orders_longer_than_every_sentence_are_empty():
    *_, last = occurrences(encode([["a", "b"], []]), 3)
    assert (last.order, last.kinds, len(last.ids)) == (3, 0, 0)
