"""BLEU equals nltk's to 1e-12 on 2,000 random cases, and on real captions."""

import math
import random
import warnings

import numpy as np
import pytest
from nltk.translate.bleu_score import (
    SmoothingFunction,
    brevity_penalty,
    closest_ref_length,
    modified_precision,
)
from nltk.translate.bleu_score import sentence_bleu as nltk_sentence_bleu
from real_data import DATA

from seqgen.metrics.bleu_family.bleu import (
    backward_bleu_orders,
    bleu_orders,
    harmonic_bleu_orders,
    self_bleu_orders,
)
from seqgen.metrics.bleu_family.sentence_bleu import sentence_bleu, sentence_self_bleu

ORDERS = (2, 3, 4, 5)
WEIGHTS = [(1 / order,) * order for order in ORDERS]
METHOD1 = SmoothingFunction().method1
WORDS = ["a", "b", "c", "na\u00efve", "nai\u0308ve", "Straße", "猫", "е", "e", "🙂", "don't", "."]


def nltk_bleu(references, hypothesis, smoothing):
    """Return nltk's BLEU-2..5 of one sentence."""
    function = METHOD1 if smoothing == "method1" else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        values = nltk_sentence_bleu(
            references, hypothesis, weights=WEIGHTS, smoothing_function=function
        )
    return values if isinstance(values, list) else [values] * len(ORDERS)


def old_nltk_bleu(references, hypothesis):
    """Return BLEU-2..5 as nltk before 3.3 did: orders without a match drop out of the product."""
    precisions = [modified_precision(references, hypothesis, n) for n in range(1, max(ORDERS) + 1)]
    if not precisions[0]:
        return [0.0] * len(ORDERS)
    penalty = brevity_penalty(closest_ref_length(references, len(hypothesis)), len(hypothesis))
    return [
        penalty * math.exp(sum(math.log(p) / n for p in precisions[:n] if p > 0)) for n in ORDERS
    ]


def mean(rows):
    return np.array(rows, float).mean(axis=0)


def others(sentences):
    return [(sentences[:at] + sentences[at + 1 :], s) for at, s in enumerate(sentences)]


def random_corpus(chance, at_least):
    """Draw sentences of 0 to 9 words out of few: empty, short, repeated ones are frequent."""
    words = chance.sample(WORDS, chance.randint(1, 6))
    corpus = [chance.choices(words, k=chance.randint(0, 9)) for _ in range(chance.randint(1, 4))]
    while len(corpus) < at_least or chance.random() < 0.2:
        corpus.append(list(chance.choice(corpus)))
    return corpus


def values(scores):
    return [score.value for score in scores]


def close(got, expected):
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("smoothing", "cases"), [("method1", 2000), ("none", 200)])
def test_random_cases_equal_nltk(smoothing, cases):
    chance = random.Random(cases)
    for _ in range(cases):
        predictions, references = random_corpus(chance, 2), random_corpus(chance, 1)
        forward = mean([nltk_bleu(references, p, smoothing) for p in predictions])
        backward = mean([nltk_bleu(predictions, r, smoothing) for r in references])
        itself = mean([nltk_bleu(rest, p, smoothing) for rest, p in others(predictions)])
        given = (predictions, references, ORDERS, smoothing)
        close(values(bleu_orders(*given)), forward)
        close(values(backward_bleu_orders(*given)), backward)
        harmonic = [
            2 * f * b / (f + b) if f + b else 0 for f, b in zip(forward, backward, strict=True)
        ]
        close(values(harmonic_bleu_orders(*given)), harmonic)
        close(values(self_bleu_orders(predictions, ORDERS, smoothing)), itself)


def test_each_sentence_equals_nltk_of_today_and_of_old():
    chance = random.Random(3)
    for _ in range(200):
        predictions, references = random_corpus(chance, 2), random_corpus(chance, 1)
        for smoothing, reference in (
            ("method1", lambda refs, p: nltk_bleu(refs, p, "method1")),
            ("nltk-before-3.3", old_nltk_bleu),
        ):
            got = sentence_bleu(predictions, references, ORDERS, smoothing)
            close(got.T, [reference(references, p) for p in predictions])
            got = sentence_self_bleu(predictions, ORDERS, smoothing)
            close(got.T, [reference(rest, p) for rest, p in others(predictions)])


SAME = ["one", "two", "three", "four", "five", "six"]


@pytest.mark.parametrize(
    ("references", "hypothesis", "expected"),
    [
        ([SAME], SAME, [1.0, 1.0, 1.0, 1.0]),
        ([SAME], [], [0.0] * 4),
        ([SAME], ["fish"], [0.0] * 4),
        ([[]], SAME, [0.0] * 4),
        ([["one"]], ["one"], [0.1**0.5, 0.1 ** (2 / 3), 0.1778279410, 0.1**0.8]),
        ([["one", "two"]], ["one", "two"], [1.0, 0.1 ** (1 / 3), 0.1**0.5, 0.2511886432]),
    ],
)
def test_edge_cases_of_nltk(references, hypothesis, expected):
    got = values(bleu_orders([hypothesis], references))
    assert got == pytest.approx(expected, abs=1e-10)
    close(got, nltk_bleu(references, hypothesis, "method1"))


def test_no_match_of_an_order_is_0_where_nltk_gives_a_tiny_number():
    hypothesis, references = ["one", "two", "three", "five"], [SAME]
    assert values(bleu_orders([hypothesis], references, (4,), "none")) == [0.0]
    assert 0 < nltk_bleu(references, hypothesis, "none")[2] < 1e-70


def test_real_captions_equal_nltk():
    folder = DATA / "coco_texygen"
    if not folder.exists():
        pytest.skip("no caption data beside the repository")
    references = (folder / "test.txt").read_text(encoding="utf-8").split("\n")[:400]
    hypotheses = (folder / "train.txt").read_text(encoding="utf-8").split("\n")[:400]
    forward, itself = sentence_bleu(hypotheses, references), sentence_self_bleu(hypotheses)
    split, known = [h.split() for h in hypotheses], [r.split() for r in references]
    for at in random.Random(1).sample(range(400), 20):
        close(forward[:, at], nltk_bleu(known, split[at], "method1"))
        close(itself[:, at], nltk_bleu(split[:at] + split[at + 1 :], split[at], "method1"))
