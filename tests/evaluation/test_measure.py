"""The figures of an evaluation: which there are, what they are, and that they are repeatable."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
import torch
from evaluation_models import CORPUS, TEXTS, VOCABULARY, generator

from seqgen.evaluation.likelihood import likelihood
from seqgen.evaluation.measure import FIGURES, Measure
from seqgen.evaluation.sampling import sample
from seqgen.evaluation.truth import GrammarTruth, OracleTruth
from seqgen.generators.oracle import draw_oracle
from seqgen.metrics.bleu_family.bleu import bleu_orders, self_bleu_orders
from seqgen.randomness import Stream
from seqgen.text.encoded import Encoded
from seqgen.text.grammar import Grammar
from seqgen.text.sentences import Sentences
from seqgen.text.vocabulary import Vocabulary

ALL = (*FIGURES, "truth")
STREAM = Stream.of(5, "measure")
LIKELIHOOD = {"nll", "perplexity"}
BLEU = {f"bleu-{order}" for order in range(2, 6)}
SELF = {f"self-{name}" for name in BLEU}
# A model that rewrites has this one; it is tested with such a model.
WRITTEN = {name: figure for name, figure in FIGURES.items() if name != "transfer"}
REST = {"distinct-2", "unique", "entropy-4", "novel"}


def measure(
    metrics: Sequence[str] = ALL, valid: Encoded | None = CORPUS, **settings: object
) -> Measure:
    return Measure(
        generator(), VOCABULARY, 12, metrics, CORPUS, valid=valid, samples=20, **settings
    )


def test_every_metric_has_its_figures() -> None:
    figures, texts = measure()(STREAM)
    assert set(figures) == LIKELIHOOD | BLEU | SELF | REST
    assert {figure for figure, _ in WRITTEN.values()} <= set(figures)
    assert len(texts) == 20 and all(isinstance(text, str) for text in texts)
    assert all(math.isfinite(value) for value in figures.values())


@pytest.mark.parametrize("metric", WRITTEN)
def test_only_what_is_asked_for_is_measured(metric: str) -> None:
    whole, _ = measure()(STREAM)
    figures, _ = measure([metric])(STREAM)
    assert FIGURES[metric][0] in figures
    assert figures == {name: whole[name] for name in figures}
    others = {figure for name, (figure, _) in WRITTEN.items() if name != metric}
    assert not others & set(figures)


def test_what_needs_held_out_sentences_is_left_out_without_them() -> None:
    figures, _ = measure(valid=None)(STREAM)
    assert set(figures) == SELF | REST


def test_it_is_repeatable_and_follows_the_stream() -> None:
    one, again, other = measure()(STREAM), measure()(STREAM), measure()(Stream.of(6))
    assert one == again
    assert one[1] != other[1]
    assert one[0]["nll"] == other[0]["nll"]


def test_the_figures_are_those_of_the_sentences() -> None:
    made = measure()
    figures, texts = made(STREAM)
    drawn = sample(made.generator, 20, 12, STREAM)
    assert texts == VOCABULARY.texts(drawn.tokens, drawn.lengths)
    assert figures["nll"] == pytest.approx(likelihood(made.generator, CORPUS).nats)
    ids = [
        [str(i) for i in row[:length] if i != VOCABULARY.end]
        for row, length in zip(drawn.tokens.tolist(), drawn.lengths.tolist(), strict=True)
    ]
    words = [[str(VOCABULARY.tokenizer.token_to_id(w)) for w in text.split()] for text in TEXTS]
    expected = {score.name: score.value for score in bleu_orders(ids, words)}
    assert {name: figures[name] for name in BLEU} == expected


def test_the_real_row_is_that_of_training_sentences() -> None:
    real = measure().real(STREAM)
    assert set(real) == BLEU | SELF | REST - {"novel"}
    words = [text.split() for text in TEXTS]  # all of them, since more were asked for
    for score in [*bleu_orders(words, words), *self_bleu_orders(words)]:
        assert real[score.name] == pytest.approx(score.value), score.name
    assert real["unique"] == 1.0
    assert measure().real(STREAM) == real


def test_novelty_is_the_share_not_in_the_training_sentences() -> None:
    made = measure(["novelty"], temperature=0.05)
    figures, texts = made(STREAM)
    everything = CORPUS.select(torch.arange(len(CORPUS)))
    known = set(VOCABULARY.texts(everything.ids, everything.lengths))
    assert known == set(TEXTS)
    assert figures["novel"] == sum(text not in known for text in texts) / len(texts)
    copies = Encoded.build([*texts, *TEXTS], VOCABULARY)
    again = measure(["novelty"], temperature=0.05)
    again.training = copies
    assert again(STREAM)[0]["novel"] == 0.0


def test_one_sentence_has_no_self_bleu() -> None:
    made = measure(["self-bleu", "distinct"])
    made.samples = 1
    figures, _ = made(STREAM)
    assert "distinct-2" in figures and not any(name.startswith("self-bleu") for name in figures)


def test_the_truth_of_the_oracle_is_its_likelihood() -> None:
    oracle = draw_oracle(2, 30, 8, 8)
    ids, lengths = sample(oracle, 40, 6, STREAM).tokens, torch.full((40,), 6)
    data = Encoded(ids.flatten().int(), torch.arange(40) * 6, lengths, 0)
    expected = likelihood(oracle, data).nats
    for batch in (7, 512):
        found = OracleTruth(oracle, batch).measure(Sentences(ids, lengths), [])
        assert set(found) == {"oracle-nll"}
        assert found["oracle-nll"] == pytest.approx(expected, rel=1e-5)
    words, truth = Vocabulary.numbers(30), OracleTruth(oracle)
    made = Measure(oracle, words, 6, ALL, data, data, truth, samples=200)
    figures, texts = made(STREAM)
    # The oracle measured by itself: its samples are as likely as its own held-out sentences.
    assert figures["oracle-nll"] == pytest.approx(figures["nll"], abs=0.15)
    assert all(len(text.split()) == 6 for text in texts)
    assert made.real(STREAM)["oracle-nll"] == pytest.approx(expected, rel=1e-5)


def test_the_truth_of_the_grammar() -> None:
    grammar = Grammar.default()
    drawn = [sentence for sentence, _ in grammar.sample(30, 1)]
    texts = [*drawn, "grass man the the"]
    vocabulary = Vocabulary.train(texts, "word")
    found = GrammarTruth(grammar).measure(vocabulary.encode(texts), texts)
    assert found["grammatical"] == pytest.approx(30 / 31)
    expected = -sum(grammar.log_probability(text) for text in drawn) / 30
    assert found["grammar-nll"] == pytest.approx(expected)
    assert found["grammar-coverage"] == pytest.approx(grammar.coverage(drawn))
    nothing = GrammarTruth(grammar).measure(vocabulary.encode(texts[-1:]), texts[-1:])
    assert nothing["grammatical"] == 0.0 and nothing["grammar-coverage"] == 0.0
    assert math.isnan(nothing["grammar-nll"])
