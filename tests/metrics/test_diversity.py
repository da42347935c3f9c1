"""Diversity measures against golden values and plain Python."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqgen.metrics.diversity import (
    distinct,
    entropy,
    expected_distinct,
    lengths,
    novel_share,
    repetition,
    unique_share,
)

REFERENCES = [
    "the cat sat on the mat",
    "a dog ran in the park",
    "the dog sat on a mat",
    "birds fly over the park today",
]
corpus = st.lists(st.lists(st.sampled_from("abc"), max_size=6), min_size=1, max_size=8)


def grams(sentences, order):
    return [tuple(s[at : at + order]) for s in sentences for at in range(len(s) - order + 1)]


def test_golden_values():
    assert [distinct(REFERENCES, n).value for n in (1, 2, 3)] == pytest.approx([14 / 24, 0.9, 1.0])
    assert [entropy(REFERENCES, n).value for n in (1, 2, 3)] == pytest.approx(
        [2.496180674977536, 2.8571028374420018, 2.772588722239781], abs=1e-12
    )


@given(corpus, st.integers(1, 4))
def test_distinct_and_entropy_equal_plain_counting(sentences, order):
    counts = Counter(grams(sentences, order))
    total = sum(counts.values())
    expected = -sum(c / total * math.log(c / total) for c in counts.values())
    assert distinct(sentences, order).value == (len(counts) / total if total else 0.0)
    assert entropy(sentences, order).value == pytest.approx(expected, abs=1e-12)


@given(corpus, st.integers(1, 40), st.integers(1, 3))
def test_expected_distinct_equals_its_formula(sentences, vocabulary, order):
    counts = Counter(grams(sentences, order))
    possible, total = vocabulary**order, sum(counts.values())
    expected = possible * (1 - ((possible - 1) / possible) ** total)
    value = len(counts) / expected if total else 0.0
    found = expected_distinct(sentences, vocabulary, order)
    assert found.value == pytest.approx(value, rel=1e-9)
    assert f"vocabulary:{vocabulary}|" in found.signature


@pytest.mark.parametrize("tokens", [100, 1000, 10_000])
def test_even_draws_are_as_distinct_as_expected_whatever_their_number(tokens):
    drawn = np.random.default_rng(1).integers(0, 500, tokens).astype(str).tolist()
    assert expected_distinct([drawn], 500).value == pytest.approx(1, abs=0.05)


@given(corpus, st.integers(1, 3))
def test_repetition_equals_walking_through(sentences, order):
    shares = []
    for sentence in sentences:
        own = grams([sentence], order)
        again = sum(gram in own[:place] for place, gram in enumerate(own))
        shares.append(again / len(own) if own else 0.0)
    found = repetition(sentences, order)
    assert found.value == pytest.approx(sum(shares) / len(shares), abs=1e-12)
    assert found.name == f"repetition-{order}"


def test_repetition_of_a_loop():
    assert repetition(["a b a b a b", "a b c", "a"], 2).value == pytest.approx(3 / 5 / 3)


def test_tokenizer_and_case():
    assert distinct(["The the"], 1).value == 1
    assert distinct(["The the"], 1, lowercase=True).value == 0.5
    assert repetition(["aab"], 1, tokenizer="character").value == pytest.approx(1 / 3)
    assert novel_share(["The cat"], ["the CAT"], lowercase=True).value == 0
    assert unique_share(["A", "a"], lowercase=True).value == 0.5
    assert lengths(["ab c"], tokenizer="character")[0].value == 4
    assert "tokenizer:character" in entropy(["ab c"], 1, tokenizer="character").signature


@given(corpus)
def test_twice_the_same_sentences(sentences):
    twice = sentences + sentences
    assert unique_share(twice).value == pytest.approx(unique_share(sentences).value / 2)
    assert entropy(twice, 2).value == pytest.approx(entropy(sentences, 2).value, abs=1e-12)
    assert distinct(twice, 2).value == pytest.approx(distinct(sentences, 2).value / 2)


def test_unique_and_novel_shares():
    assert unique_share(["a b", "a  b", "c", "a b c"]).value == 0.75
    assert novel_share(["a b", "b a", "a b", "c"], ["a b", "d"]).value == 0.5
    assert novel_share(REFERENCES, REFERENCES).value == 0.0
    assert novel_share(REFERENCES, []).value == 1.0


def test_lengths():
    scores = {score.name: score.value for score in lengths(["a b c", "", "a"])}
    assert scores == {
        "length-mean": pytest.approx(4 / 3),
        "length-deviation": pytest.approx(math.sqrt(14) / 3),
        "length-shortest": 0.0,
        "length-longest": 3.0,
    }


def test_signatures():
    assert distinct(REFERENCES, 3).signature == (
        "order:3|hypotheses:4|tokenizer:whitespace|version:1"
    )
    assert expected_distinct(REFERENCES, 9).signature == (
        "order:1|vocabulary:9|hypotheses:4|tokenizer:whitespace|version:1"
    )
    assert unique_share([["a"]]).signature == "hypotheses:1|tokenizer:given|version:1"
    assert novel_share(["a"], ["b", "c"]).signature == (
        "hypotheses:1|training:2|tokenizer:whitespace|version:1"
    )


@pytest.mark.parametrize("measure", [distinct, entropy, repetition, unique_share, lengths])
def test_no_sentences_are_refused(measure):
    with pytest.raises(ValueError, match="at least 1"):
        measure([])


def test_a_vocabulary_of_nothing_is_refused():
    with pytest.raises(ValueError, match="vocabulary 0"):
        expected_distinct(REFERENCES, 0)


@pytest.mark.parametrize("measure", [distinct, entropy, repetition])
def test_order_zero_is_refused(measure):
    with pytest.raises(ValueError, match="at least 1 token"):
        measure(REFERENCES, 0)
