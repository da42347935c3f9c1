"""Language-model scores: against probabilities by hand, and against how they could be gamed."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from seqgen.evaluation.language_scores import LanguageScores, literal
from seqgen.metrics.arrays import Floats
from seqgen.ngram_model.model import NgramModel

TRAIN = ["a man rides a horse", "a dog runs", "two dogs run on the grass", "the man runs"] * 5
TEST = ["a man runs", "the dog runs on the grass", "two dogs"]


class Fixed:
    """A judge that gives every word, and END, the probability exp(-2)."""

    name = "fixed"

    def score(self, texts: Sequence[str]) -> tuple[Floats, Floats]:
        tokens = np.array([float(len(text) + 1) for text in texts])  # of its own: characters
        return np.array([-2.0 * (len(text.split()) + 1) for text in texts]), tokens


def test_scores_are_nats_a_word_and_end() -> None:
    generated = ["a man runs on", "two dogs"]
    scores = LanguageScores(TRAIN, TEST)
    forward, reverse = scores.lm_score(generated), scores.reverse_lm_score(generated)
    nats, tokens = NgramModel.train(TRAIN, 5).score(generated)
    assert forward.value == pytest.approx(-nats.sum() / tokens.sum())
    assert tokens.sum() == 5 + 3
    assert forward.signature.startswith("judge:ngram-5@") and "|training:20|" in forward.signature
    assert "|hypotheses:2|per:word+end|" in forward.signature
    assert (forward.name, reverse.name) == ("lm-score", "reverse-lm-score")
    assert "judge:5-gram of the hypotheses|hypotheses:2|references:3" in reverse.signature


def test_another_judge_is_named_and_counted_by_words() -> None:
    score = LanguageScores(TRAIN, TEST, Fixed()).lm_score(["a bb ccc", "", "dddd"])
    assert score.value == pytest.approx(2.0)
    assert score.signature.startswith("judge:fixed|hypotheses:3|")


def test_words_that_generated_text_lacks_are_known_all_the_same() -> None:
    """The probabilities of all words of the real text, END and UNKNOWN sum to one."""
    generated = ["a man runs", "a dog runs", "the man rides a horse"]
    words = sorted({word for text in TRAIN for word in text.split()})
    model = NgramModel.train(generated, 5, vocabulary=words)
    total = sum(model.probability(word, ["a"]) for word in [*words, "</s>", "<unk>"])
    assert total == pytest.approx(1.0)
    assert model.probability("grass") == model.probability("two") > 0
    score = LanguageScores(TRAIN, TEST).reverse_lm_score(generated)
    nats, tokens = model.score(TEST)
    assert score.value == pytest.approx(-nats.sum() / tokens.sum())
    assert f"words:{len(words)}" in score.signature


def test_nothing_is_gained_by_writing_unknown() -> None:
    scores = LanguageScores(TRAIN, ["a zebra runs"])
    plain, masked = ["a dog runs", "a man runs"] * 3, ["a dog runs", "a <unk> runs"] * 3
    assert scores.reverse_lm_score(masked).value > scores.reverse_lm_score(plain).value
    assert scores.lm_score(masked).value > scores.lm_score(plain).value
    assert literal(["<unk> a<unk> </s>"]) == ["<unk>\u2581 a<unk> </s>\u2581"]


def test_nothing_is_gained_by_writing_unknown_under_a_judge_that_has_seen_it() -> None:
    judge = NgramModel.train([*TRAIN, "a zebra runs"], 3, unknown_below=2)
    scores = LanguageScores(TRAIN, TEST, judge)
    masked, other = ["a <unk> runs"] * 3, ["a zebra runs"] * 3
    assert scores.lm_score(masked).value == scores.lm_score(other).value
    assert scores.unknown_share(["a zebra runs", "a dog <unk>"]) == pytest.approx(2 / 6)
    assert LanguageScores(TRAIN, TEST, Fixed()).unknown_share(TEST) is None


def test_knowing_one_sentence_is_fluent_and_finds_nothing_of_real_text() -> None:
    scores = LanguageScores(TRAIN, TEST)
    collapsed, varied = ["two dogs run on the grass"] * 20, TRAIN
    assert scores.lm_score(collapsed).value < scores.lm_score(varied).value
    assert scores.reverse_lm_score(collapsed).value > scores.reverse_lm_score(varied).value + 0.5


def test_characters_are_counted_where_they_are_the_words() -> None:
    scores = LanguageScores(["ab c", "abc"], ["ab"], unit="character")
    spaced = LanguageScores(["a b \u2581 c", "a b c"], ["a b"])
    assert scores.lm_score(["b a", "a"]).value == spaced.lm_score(["b \u2581 a", "a"]).value
    assert scores.reverse_lm_score(["b a"]).value == spaced.reverse_lm_score(["b \u2581 a"]).value
    assert "per:character+end" in scores.lm_score(["a"]).signature


def test_the_interval_is_that_of_the_ratio() -> None:
    texts = [" ".join(["a"] * n) for n in (1, 3, 9, 2, 7, 30, 4, 1)] * 8
    scores = LanguageScores(TRAIN, TEST)
    score = scores.lm_score(texts, intervals=True, seed=3)
    nats, counts = NgramModel.train(TRAIN, 5).score(texts)
    random = np.random.default_rng(0)
    drawn = [random.integers(0, len(texts), len(texts)) for _ in range(2000)]
    ratios = [-nats[rows].sum() / counts[rows].sum() for rows in drawn]
    low, high = np.quantile(ratios, [0.025, 0.975])
    assert score.interval is not None and score.interval.low < score.value < score.interval.high
    assert score.interval.low == pytest.approx(low, abs=0.35 * (high - low))
    assert score.interval.high == pytest.approx(high, abs=0.35 * (high - low))


def test_sentences_without_words_have_no_reverse_score() -> None:
    scores = LanguageScores(TRAIN, TEST)
    assert scores.reverse_lm_score(["", " "]).value == math.inf
    assert math.isfinite(scores.lm_score([""]).value)
