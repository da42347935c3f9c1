"""Probabilities: by hand, by the definition written down twice, golden, and they sum to 1."""

from __future__ import annotations

import math
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ngram_texts import BEGIN, END, UNKNOWN, by_definition, chen_and_goodman, zipf_corpus

from seqgen.ngram_model.discounts import FALLBACK
from seqgen.ngram_model.model import NgramModel

CLOSE = 1e-10  # relative; figures are kept with 12 decimals of their log10


def predictable(model: NgramModel) -> list[str]:
    return [name for name in model.words.names if name != BEGIN]


def test_bigram_by_hand() -> None:
    model = NgramModel.train(["a b", "a b", "a"], order=2)
    # Words in front of a: BEGIN; of b: a; of END: a and b. No count 3: fallback (0.5, 1, 1.5).
    # Unigrams: each keeps (count - discount) / 4, and 2/4 is spread over a, b, unknown and END.
    unigram = {"a": 0.25, "b": 0.25, END: 0.375, UNKNOWN: 0.125}
    # Bigrams: BEGIN a 3, a b 2, b END 2, a END 1; Y = 1/5, discounts 0.2, 1.7, 3.
    assert model.discounts == (FALLBACK, pytest.approx((0.2, 1.7, 3.0)))
    for word, share in unigram.items():
        assert model.probability(word) == pytest.approx(share, rel=CLOSE)
        assert model.probability(word, [BEGIN]) == pytest.approx(share, rel=CLOSE)  # keeps 3 - 3
        assert model.probability(word, ["z"]) == pytest.approx(share, rel=CLOSE)  # no context
    after_a = {"a": 0, "b": 0.3, END: 0.8, UNKNOWN: 0}
    for word, kept in after_a.items():
        expected = (kept + 1.9 * unigram[word]) / 3
        assert model.probability(word, ["a"]) == pytest.approx(expected, rel=CLOSE)
    expected = [0.25, (0.3 + 1.9 * 0.25) / 3, (0.3 + 1.7 * 0.375) / 2]
    values = model.score_tokens(["a b"]).values
    assert [math.exp(value) for value in values] == pytest.approx(expected, rel=CLOSE)
    assert model.perplexity(["a b"]) == pytest.approx(math.prod(expected) ** (-1 / 3), rel=CLOSE)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_modified_discounts_and_probabilities_follow_the_definition(order: int) -> None:
    sentences = zipf_corpus(seed=order)
    model = NgramModel.train(sentences, order)
    assert model.discounts is not None
    assert FALLBACK not in model.discounts  # else the formula would not be what is tested
    probability = by_definition(sentences, order, chen_and_goodman)
    for sentence in [*sentences[:5], ["w7", "w7", "w7"], ["new", "w0"], []]:
        known = [word if word in model.words.names else UNKNOWN for word in sentence]
        tokens = [BEGIN, *known, END]
        expected = [probability(tokens[at], tokens[:at]) for at in range(1, len(tokens))]
        got = [math.exp(value) for value in model.score_tokens([sentence]).values]
        assert got == pytest.approx(expected, rel=CLOSE)
        for at, value in enumerate(expected, start=1):
            assert model.probability(tokens[at], tokens[:at]) == pytest.approx(value, rel=CLOSE)


def test_one_discount_for_all_follows_the_definition_too() -> None:
    sentences = zipf_corpus(seed=3)
    model = NgramModel.train(sentences, 3, discounts=0.4)
    probability = by_definition(sentences, 3, lambda counts: (0.4, 0.4, 0.4))
    for sentence in sentences[:20]:
        tokens = [BEGIN, *sentence, END]
        expected = [math.log(probability(tokens[at], tokens[:at])) for at in range(1, len(tokens))]
        assert model.score_tokens([sentence]).values == pytest.approx(expected, abs=CLOSE)


def test_golden_values() -> None:
    # Of an independent implementation with dictionaries, which these arrays replaced.
    sentences = zipf_corpus(seed=1)
    model = NgramModel.train(sentences, 4)
    assert model.discounts == (
        pytest.approx((0.5714285714285714, 1.3142857142857145, 0.3333333333333335)),
        pytest.approx((0.7403314917127072, 1.1021511696250146, 0.817970340215179)),
        pytest.approx((0.8293135435992578, 0.9723723481487456, 0.7302997754125573)),
        pytest.approx((0.763157894736842, 1.3958333333333333, 1.5540166204986148)),
    )
    golden = {
        "w1 w15 w62": [
            -2.010213399476921,
            -2.914213304842585,
            -0.04643961728212,
            -0.80465671952321,
        ],
        "w7 w7 w7": [-3.626571344649898, -5.450294694902674, -4.587539069261443, -2.73562200723577],
        "new w0 w1": [-8.33227500182422, -2.582814281161525, -2.003369151094235, -1.86262786471191],
        "": [-3.9757228079763824],
    }
    for sentence, values in golden.items():
        assert model.score_tokens([sentence]).values == pytest.approx(values, abs=1e-9)
    assert model.perplexity(zipf_corpus(seed=2)) == pytest.approx(68.48491073913816, rel=1e-9)


@pytest.mark.parametrize("order", [1, 2, 3, 5])
@pytest.mark.parametrize("discounts", [None, 0.1, 1.0])
def test_all_contexts_seen_sum_to_one(order: int, discounts: float | None) -> None:
    sentences = zipf_corpus(seed=order, sentences=40)
    model = NgramModel.train(sentences, order, discounts)
    padded = [[BEGIN, *sentence] for sentence in sentences]
    contexts = {
        tuple(s[at : at + length])
        for s in padded
        for length in range(order)
        for at in range(len(s) - length + 1)
    }
    for context in contexts:
        total = math.fsum(model.probability(word, context) for word in predictable(model))
        assert total == pytest.approx(1.0, abs=1e-10), context


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_contexts_not_seen_sum_to_one(order: int) -> None:
    model = NgramModel.train(zipf_corpus(seed=order), order)
    words = [word for word in predictable(model) if word != END][:6]
    contexts = [["never seen"], [BEGIN, "never seen", "w0"], [BEGIN, *words]]
    contexts += [list(pair) for pair in product(words, words)]
    for context in contexts:
        total = math.fsum(model.probability(word, context) for word in predictable(model))
        assert total == pytest.approx(1.0, abs=1e-10), context


@settings(max_examples=50)
@given(
    st.lists(st.lists(st.sampled_from("abcd"), min_size=1, max_size=6), min_size=1, max_size=12),
    st.integers(1, 4),
    st.lists(st.sampled_from("abcdx"), max_size=4),
)
def test_tiny_texts_sum_to_one_too(
    sentences: list[list[str]], order: int, context: list[str]
) -> None:
    model = NgramModel.train(sentences, order)
    for start in ([], [BEGIN]):
        chances = [model.probability(word, start + context) for word in predictable(model)]
        assert math.fsum(chances) == pytest.approx(1.0, abs=1e-10)


def test_order_of_sentences_and_names_of_words_do_not_matter() -> None:
    sentences = zipf_corpus(seed=5)
    model = NgramModel.train(sentences, 4)
    shuffled = NgramModel.train(sentences[::-1], 4)
    renamed = NgramModel.train([[word[::-1] for word in s] for s in sentences], 4)
    held_out = zipf_corpus(seed=6, sentences=20)
    values = model.score_tokens(held_out).values
    assert shuffled.score_tokens(held_out).values == pytest.approx(values, abs=CLOSE)
    backwards = [[word[::-1] for word in s] for s in held_out]
    assert renamed.score_tokens(backwards).values == pytest.approx(values, abs=CLOSE)


def test_begin_is_never_predicted_and_reserves_nothing() -> None:
    model = NgramModel.train(["a b", "b"], 2)
    assert model.probability(BEGIN) < 1e-90
    assert model.probability(BEGIN, ["a"]) < 1e-90
