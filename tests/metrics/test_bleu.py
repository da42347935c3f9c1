"""BLEU and self-BLEU against nltk, golden values and what must not change them."""

import random
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nltk.translate.bleu_score import SmoothingFunction
from nltk.translate.bleu_score import sentence_bleu as nltk_sentence_bleu

from seqgen.metrics.bleu import (
    bleu,
    bleu_orders,
    self_bleu,
    self_bleu_orders,
    sentence_bleu,
    sentence_self_bleu,
)

ORDERS = (1, 2, 3, 4, 5)
REFERENCES = [
    "the cat sat on the mat",
    "a dog ran in the park",
    "the dog sat on a mat",
    "birds fly over the park today",
]
HYPOTHESES = ["the cat sat on a mat", "a dog ran in the house", "fish swim"]
DATA = Path(__file__).parents[2].parent / "shared" / "data"

# Few words and short lengths: repeated n-grams, ties in length, empty and one-word sentences.
sentence = st.lists(st.sampled_from("abc"), max_size=8)
corpus = st.lists(sentence, min_size=1, max_size=6)
smoothing = st.sampled_from(["method1", "none"])


def nltk_value(references, hypothesis, order, smoothing):
    function = SmoothingFunction().method1 if smoothing == "method1" else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return nltk_sentence_bleu(
            references, hypothesis, weights=(1 / order,) * order, smoothing_function=function
        )


@given(corpus, corpus, smoothing)
def test_sentence_bleu_equals_nltk(hypotheses, references, smoothing):
    got = sentence_bleu(hypotheses, references, ORDERS, smoothing)
    expected = [[nltk_value(references, h, n, smoothing) for h in hypotheses] for n in ORDERS]
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-12)


@given(st.lists(sentence, min_size=2, max_size=6), smoothing)
def test_self_bleu_equals_nltk_leaving_one_out(sentences, smoothing):
    got = sentence_self_bleu(sentences, ORDERS, smoothing)
    expected = [
        [
            nltk_value(sentences[:at] + sentences[at + 1 :], sentences[at], n, smoothing)
            for at in range(len(sentences))
        ]
        for n in ORDERS
    ]
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-12)


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
    backward = [score.value for score in bleu_orders(REFERENCES, HYPOTHESES)]
    assert forward == pytest.approx(
        [0.605498860309242, 0.5979001753280332, 0.5544792297538125, 0.4017742676278992], abs=1e-12
    )
    assert backward == pytest.approx(
        [0.58898376456868, 0.5341932560626302, 0.47507170145002475, 0.3555190553372866], abs=1e-12
    )


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


@pytest.mark.parametrize(
    ("call", "problem"),
    [
        (lambda: bleu([], REFERENCES), "0 sentences"),
        (lambda: bleu(HYPOTHESES, []), "0 sentences"),
        (lambda: self_bleu(["alone"]), "at least 2"),
        (lambda: bleu(HYPOTHESES, REFERENCES, order=0), "at least 1"),
        (lambda: bleu_orders(HYPOTHESES, REFERENCES, ()), "one or more"),
        (lambda: bleu(HYPOTHESES, REFERENCES, smoothing="method7"), "method7"),
    ],
)
def test_bad_input_is_refused(call, problem):
    with pytest.raises(ValueError, match=problem):
        call()


def test_one_string_is_not_a_list_of_sentences():
    with pytest.raises(TypeError, match="list of sentences"):
        bleu("the cat sat", REFERENCES)


def test_real_captions_equal_nltk():
    folder = DATA / "coco_texygen"
    if not folder.exists():
        pytest.skip("no caption data beside the repository")
    references = (folder / "test.txt").read_text(encoding="utf-8").split("\n")[:400]
    hypotheses = (folder / "train.txt").read_text(encoding="utf-8").split("\n")[:400]
    forward = sentence_bleu(hypotheses, references, (4,))[0]
    itself = sentence_self_bleu(hypotheses, (4,))[0]
    split, known = [h.split() for h in hypotheses], [r.split() for r in references]
    for at in random.Random(1).sample(range(400), 20):
        others = split[:at] + split[at + 1 :]
        assert forward[at] == pytest.approx(nltk_value(known, split[at], 4, "method1"), abs=1e-12)
        assert itself[at] == pytest.approx(nltk_value(others, split[at], 4, "method1"), abs=1e-12)
