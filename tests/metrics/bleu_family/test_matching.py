"""Clipped matches of whole corpora against counting by hand."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqgen.metrics.bleu_family import matching
from seqgen.metrics.bleu_family.matching import matches_across, matches_within
from seqgen.metrics.ngrams import encode

sentence = st.lists(st.sampled_from("abc"), max_size=8)
corpus = st.lists(sentence, min_size=1, max_size=6)


def by_hand(sentence, others, order):
    """Return how many n-grams the sentence shares with the others, clipped."""

    def grams(tokens):
        return Counter(tuple(tokens[at : at + order]) for at in range(len(tokens) - order + 1))

    most = Counter()
    for other in others:
        most |= grams(other)
    return sum((grams(sentence) & most).values())


def check(first, rest):
    across = matches_across(encode(first + rest), len(first), 4)
    within = matches_within(encode(first), 4)
    for order in range(1, 5):
        expected = [by_hand(s, rest, order) for s in first]
        expected += [by_hand(s, first, order) for s in rest]
        np.testing.assert_array_equal(across[order - 1], expected)
        expected = [by_hand(s, first[:at] + first[at + 1 :], order) for at, s in enumerate(first)]
        np.testing.assert_array_equal(within[order - 1], expected)


@given(corpus, corpus)
def test_matches_equal_counting_by_hand(first, rest):
    check(first, rest)


def test_pairs_too_large_for_one_number_are_ranked(monkeypatch):
    ranked = []
    unique = np.unique

    def counted(keys, **options):
        ranked.append(len(keys))
        return unique(keys, **options)

    monkeypatch.setattr(matching, "LARGEST", 2**7)
    monkeypatch.setattr(matching.np, "unique", counted)
    check([list("abcabd"), list("bcabca")], [list("abcab"), list("dcabc")])
    assert ranked


@pytest.mark.parametrize("rows", [[[], []], [["a"], []], [["a"], ["b"]]])
def test_nothing_is_shared(rows):
    assert matches_within(encode(rows), 3).tolist() == [[0, 0]] * 3
    assert matches_across(encode(rows), 1, 3).tolist() == [[0, 0]] * 3


def test_an_ngram_does_not_reach_into_the_next_sentence():
    assert matches_within(encode([["a"], ["b"], ["a", "b"]]), 2)[1].tolist() == [0, 0, 0]
