"""BLEU forward, backward, harmonic and of itself: golden values and what must not change them.

Random cases against nltk are in test_bleu_nltk.py.
"""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqgen.metrics.bleu_family.bleu import (
    backward_bleu,
    backward_bleu_orders,
    bleu,
    bleu_orders,
    harmonic_bleu,
    harmonic_bleu_orders,
    self_bleu,
    self_bleu_orders,
)
from seqgen.metrics.bleu_family.sentence_bleu import (
    sentence_bleu,
    sentence_bleu_both_ways,
)

ORDERS = (1, 2, 3, 4, 5)
REFERENCES = [
    "the cat sat on the mat",
    "a dog ran in the park",
    "the dog sat on a mat",
    "birds fly over the park today",
]
HYPOTHESES = ["the cat sat on a mat", "a dog ran in the house", "fish swim"]

# Few words and short lengths: repeated n-grams, ties in length, empty and one-word sentences.
sentence = st.lists(st.sampled_from("abc"), max_size=8)
corpus = st.lists(sentence, min_size=1, max_size=6)


@given(corpus, corpus)
def test_scores_are_means_over_hypotheses(hypotheses, references):
    sentences = sentence_bleu(hypotheses, references, ORDERS)
    for order, scores, values in zip(
        ORDERS, bleu_orders(hypotheses, references, ORDERS), sentences, strict=True
    ):
        assert scores.value == bleu(hypotheses, references, order).value
        assert scores.value == pytest.approx(sum(values) / len(values), abs=1e-12)


def test_golden_bleu():
    forward = [score.value for score in bleu_orders(HYPOTHESES, REFERENCES)]
    assert forward == pytest.approx(
        [0.605498860309242, 0.5979001753280332, 0.5544792297538125, 0.4017742676278992], abs=1e-12
    )


def test_golden_backward_and_harmonic_bleu():
    backward = [score.value for score in backward_bleu_orders(HYPOTHESES, REFERENCES)]
    assert backward == pytest.approx(
        [0.58898376456868, 0.5341932560626302, 0.47507170145002475, 0.3555190553372866], abs=1e-12
    )
    assert backward_bleu(HYPOTHESES, REFERENCES).value == pytest.approx(backward[2], abs=1e-12)
    harmonic = [score.value for score in harmonic_bleu_orders(HYPOTHESES, REFERENCES)]
    assert harmonic == pytest.approx(
        [0.5971271423448803, 0.5642542083590322, 0.5117131811824661, 0.37723403535796773],
        abs=1e-12,
    )
    assert harmonic_bleu(HYPOTHESES, REFERENCES, 5).value == pytest.approx(harmonic[3], abs=1e-12)


def test_harmonic_bleu_is_0_where_nothing_is_shared():
    assert harmonic_bleu(["fish swim"], REFERENCES).value == 0.0


def test_both_ways_at_once_are_the_two_ways():
    forward, backward = sentence_bleu_both_ways(HYPOTHESES, REFERENCES)
    np.testing.assert_array_equal(forward, sentence_bleu(HYPOTHESES, REFERENCES))
    np.testing.assert_array_equal(backward, sentence_bleu(REFERENCES, HYPOTHESES))


def test_golden_self_bleu():
    assert [score.value for score in self_bleu_orders(REFERENCES)] == pytest.approx(
        [0.3589273071468352, 0.1470802553136207, 0.10132348949996578, 0.08790922431919007],
        abs=1e-12,
    )
    assert self_bleu(REFERENCES).value == pytest.approx(0.10132348949996578, abs=1e-12)


def test_edge_cases():
    same = "one two three four five six"
    assert bleu([same], [same]).value == 1.0
    assert bleu([""], REFERENCES).value == 0.0
    assert bleu(["fish"], REFERENCES).value == 0.0
    assert bleu(HYPOTHESES, [""]).value == 0.0
    assert bleu([""], [""]).value == 0.0
    assert bleu(["cat"], ["cat"]).value == pytest.approx(0.1**0.75, abs=1e-12)
    assert bleu(["the cat"], ["the cat"], order=5).value == pytest.approx(0.1**0.6, abs=1e-12)
    assert bleu(["the mat"], REFERENCES, smoothing="none").value == 0.0


def test_brevity_penalty_takes_the_shorter_of_two_closest_lengths():
    # The hypothesis has 4 words, the references 3 and 5: against 3 there is no penalty.
    assert bleu(["a b c d"], ["a b c", "a b c d e"], order=1).value == 1.0
    assert bleu(["a b c d"], ["a b c d e"], order=1).value == pytest.approx(np.exp(-0.25))


def test_self_bleu_leaves_the_sentence_out_but_not_its_copy():
    assert self_bleu(["a b c d", "e f g h"]).value == 0.0
    assert self_bleu(["a b c d", "a b c d"]).value == 1.0


def test_order_of_sentences_and_names_of_words_do_not_matter():
    words = {word: f"w{at}" for at, word in enumerate(" ".join(REFERENCES + HYPOTHESES).split())}

    def rename(sentences):
        return [[words[word] for word in line.split()] for line in sentences]

    expected = sentence_bleu(HYPOTHESES, REFERENCES)
    np.testing.assert_array_equal(sentence_bleu(HYPOTHESES, REFERENCES[::-1]), expected)
    np.testing.assert_array_equal(sentence_bleu(HYPOTHESES[::-1], REFERENCES), expected[:, ::-1])
    np.testing.assert_array_equal(sentence_bleu(rename(HYPOTHESES), rename(REFERENCES)), expected)


def test_signature_says_how_it_was_measured():
    assert bleu(HYPOTHESES, REFERENCES, order=3).signature == (
        "order:3|hypotheses:3|references:4|smoothing:method1|tokenizer:whitespace"
        "|leave-one-out:no|version:1"
    )
    lists = [line.split() for line in REFERENCES]
    score = self_bleu(lists, order=2, smoothing="none")
    assert score.name == "self-bleu-2"
    assert score.signature == (
        "order:2|hypotheses:4|references:3|smoothing:none|tokenizer:given"
        "|leave-one-out:yes|version:1"
    )
    assert "tokenizer:mixed" in bleu(HYPOTHESES, lists).signature
    score = bleu(HYPOTHESES, REFERENCES, tokenizer="nltk", lowercase=True)
    assert "tokenizer:nltk+lowercase" in score.signature
    for score in (backward_bleu(HYPOTHESES, REFERENCES), harmonic_bleu(HYPOTHESES, REFERENCES)):
        assert "hypotheses:3|references:4" in score.signature


def test_keyword_names_are_those_of_hugging_face():
    score = bleu(predictions=HYPOTHESES, references=REFERENCES)
    assert score == bleu(HYPOTHESES, REFERENCES)
    assert self_bleu(predictions=REFERENCES) == self_bleu(REFERENCES)


def test_case_and_full_stops_count_unless_dropped():
    assert bleu(["The Cat sat."], ["the cat sat ."], order=3).value == 0.0
    score = bleu(["The Cat sat."], ["the cat sat ."], 3, tokenizer="nltk", lowercase=True)
    assert score.value == 1.0


def test_nltk_before_3_3_drops_orders_without_a_match():
    # 2 of 3 words match and no pair does: the square root of 2/3 instead of 0.
    score = bleu(["a x b"], ["a b c"], order=2, smoothing="nltk-before-3.3")
    assert score.value == pytest.approx(math.sqrt(2 / 3), abs=1e-12)
    assert bleu(["a x b"], ["a b c"], order=2, smoothing="none").value == 0.0
    assert "smoothing:nltk-before-3.3" in score.signature


@pytest.mark.parametrize(
    ("call", "problem"),
    [
        (lambda: bleu([], REFERENCES), "0 sentences"),
        (lambda: bleu(HYPOTHESES, []), "0 sentences"),
        (lambda: self_bleu(["alone"]), "at least 2"),
        (lambda: bleu(HYPOTHESES, REFERENCES, order=0), "at least 1"),
        (lambda: bleu_orders(HYPOTHESES, REFERENCES, ()), "one or more"),
        (lambda: bleu(HYPOTHESES, REFERENCES, smoothing="method7"), "method7"),
        (lambda: bleu(HYPOTHESES, REFERENCES, tokenizer="words"), "words"),
        (lambda: bleu(HYPOTHESES, [[line] for line in HYPOTHESES]), "row by row|by itself"),
    ],
)
def test_bad_input_is_refused(call, problem):
    with pytest.raises(ValueError, match=problem):
        call()


def test_one_string_is_not_a_list_of_sentences():
    with pytest.raises(TypeError, match="list of sentences"):
        bleu("the cat sat", REFERENCES)
