"""With its discounts, every probability that nltk's KneserNeyInterpolated has is equal to ours."""

from __future__ import annotations

from functools import lru_cache
from itertools import chain
from typing import Any

import pytest
from ngram_texts import BEGIN, END, UNKNOWN, zipf_corpus

from seqgen.ngram_model.model import NgramModel

DISCOUNT = 0.1


def nltk_model(sentences: list[list[str]], order: int) -> Any:
    """nltk's model of sentences with one BEGIN and one END; it remembers what it computed."""
    from nltk.lm import KneserNeyInterpolated
    from nltk.util import everygrams

    padded = [[BEGIN, *sentence, END] for sentence in sentences]
    model = KneserNeyInterpolated(order, discount=DISCOUNT)
    model.fit([list(everygrams(s, max_len=order)) for s in padded], chain.from_iterable(padded))
    model.unmasked_score = lru_cache(None)(model.unmasked_score)
    return model


def contexts_of(sentences: list[list[str]], longest: int) -> set[tuple[str, ...]]:
    padded = [[BEGIN, *sentence, END] for sentence in sentences]
    return {
        tuple(s[at : at + length])
        for s in padded
        for length in range(longest + 1)
        for at in range(len(s) - length + 1)
    }


@pytest.mark.parametrize(("order", "kinds"), [(2, 200), (3, 60), (4, 30)])
def test_every_probability_equals_nltk(order: int, kinds: int) -> None:
    # 200 sentences of so few words that all of them after all contexts can be looked at.
    text = zipf_corpus(seed=order, sentences=400)[:200]
    sentences = [[f"w{min(int(word[1:]), kinds)}" for word in sentence] for sentence in text]
    assert len(sentences) == 200
    theirs = nltk_model(sentences, order)
    # nltk does not discount single words: their orders' discount is 0.
    ours = NgramModel.train(sentences, order, discounts=[0] + [DISCOUNT] * (order - 1))
    words = [word for word in ours.words.names if word not in (BEGIN, UNKNOWN)]
    compared = set()
    for context in contexts_of(sentences, order - 1) | {("w999",), ("w1", "w999"), ("w0",) * 3}:
        if context[:1] == (BEGIN,) and len(context) < order - 1:
            continue  # not defined there, see below
        for word in words:
            expected = theirs.unmasked_score(word, context)
            assert ours.probability(word, context) == pytest.approx(expected, abs=1e-9), context
            compared.add((context, word))
    assert len(compared) > 8000


def test_what_differs_is_what_the_documentation_says() -> None:
    sentences = zipf_corpus(seed=3, sentences=60)
    theirs = nltk_model(sentences, order=3)
    ours = NgramModel.train(sentences, 3, discounts=[0, DISCOUNT, DISCOUNT])
    # 1. Single words are not discounted: nothing is left for words that were not seen.
    assert theirs.unmasked_score("never seen", ()) == 0
    assert ours.probability("never seen") < 1e-90
    assert NgramModel.train(sentences, 3, discounts=DISCOUNT).probability("never seen") > 1e-6
    # 2. Nothing stands in front of BEGIN: the count of words there is 0, and it divides by that.
    with pytest.raises(ZeroDivisionError):
        theirs.unmasked_score("w0", (BEGIN,))
    assert ours.probability("w0", [BEGIN]) > 0


def test_its_own_pipeline_pads_with_more_marks() -> None:
    from nltk.lm.preprocessing import padded_everygram_pipeline

    grams, _ = padded_everygram_pipeline(3, [["w0"]])
    # 3. Two BEGIN and two END around the sentence, and the second of each is predicted.
    assert ("<s>", "<s>", "w0") in set(next(iter(grams)))
