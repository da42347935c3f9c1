"""Likelihood against a sum made by hand."""

from __future__ import annotations

import math

import pytest
import torch
from evaluation_models import CORPUS, TEXTS, VOCABULARY, generator

from seqgen.evaluation.likelihood import (
    TOKENS,
    Likelihood,
    batches,
    likelihood,
    log_probabilities,
    tempered_likelihoods,
)
from seqgen.generators.protocol import Generator
from seqgen.text.encoded import Encoded
from seqgen.text.sentences import Sentences


@torch.no_grad()
def by_hand(model: Generator, temperature: float = 1.0) -> list[float]:
    """log p of each sentence, END included, a token at a time."""
    found = []
    for text in TEXTS:
        words = [VOCABULARY.tokenizer.token_to_id(word) for word in text.split()]
        state, fed, total = model.start(1), VOCABULARY.begin, 0.0
        for wanted in [*words, VOCABULARY.end]:
            forced, state = model.advance(torch.tensor([[fed]]), state)
            logits = model.logits(forced.hidden)[0, 0] / temperature
            total += float(logits.log_softmax(0)[wanted])
            fed = wanted
        found.append(total)
    return found


def test_it_is_the_sum_over_tokens_with_the_end_counted() -> None:
    model = generator().eval()
    found = likelihood(model, CORPUS)
    assert found.tokens == sum(len(text.split()) + 1 for text in TEXTS)
    assert found.sentences == len(TEXTS)
    assert found.total == pytest.approx(-sum(by_hand(model)), rel=1e-5)
    assert found.nats == pytest.approx(found.total / found.tokens)
    assert found.perplexity == pytest.approx(math.exp(found.nats))


def test_at_other_temperatures_it_is_that_of_the_divided_logits() -> None:
    model = generator(scale=1.5).eval()
    temperatures = [0.4, 1.0, 1.43]
    found = tempered_likelihoods(model, CORPUS, temperatures)
    assert len({round(one.total, 3) for one in found}) == 3
    for temperature, one in zip(temperatures, found, strict=True):
        assert one.total == pytest.approx(-sum(by_hand(model, temperature)), rel=1e-5)
        assert (one.tokens, one.sentences) == (likelihood(model, CORPUS).tokens, len(TEXTS))


def test_many_tokens_are_read_in_parts_with_the_same_result() -> None:
    model = generator(dropout=0.5).train()
    many = Encoded.build(TEXTS * 20, VOCABULARY, limit=12)
    assert int(many.lengths.sum()) > 4 * TOKENS
    (found,) = tempered_likelihoods(model, many, [1.0], size=100)
    assert found.total == pytest.approx(likelihood(model, many).total, rel=1e-6)
    assert model.training


def test_a_temperature_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="above 0"):
        tempered_likelihoods(generator(), CORPUS, [1.0, 0.0])


def test_log_probabilities_are_zero_on_padding() -> None:
    model = generator().eval()
    batch = CORPUS.select(torch.arange(len(TEXTS)))
    found = log_probabilities(model, batch)
    assert (found[~batch.mask] == 0).all() and (found[batch.mask] < 0).all()
    assert found.sum(1).tolist() == pytest.approx(by_hand(model), rel=1e-5)


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_the_size_of_batches_does_not_matter(size: int) -> None:
    model = generator().eval()
    assert likelihood(model, CORPUS, size).total == pytest.approx(
        likelihood(model, CORPUS).total, rel=1e-6
    )
    assert torch.equal(
        torch.cat([batch.lengths for batch in batches(CORPUS, size)]), CORPUS.lengths
    )


def test_dropout_is_off_and_the_mode_comes_back() -> None:
    model = generator(dropout=0.5).train()
    expected = likelihood(generator(dropout=0.5).eval(), CORPUS).total
    assert likelihood(model, CORPUS).total == expected
    assert model.training and model.dropout.training


def test_labels_condition_the_generator() -> None:
    model = generator(styles=2).eval()
    labelled = [
        Encoded(CORPUS.ids, CORPUS.starts, CORPUS.lengths, CORPUS.pad, torch.full((len(TEXTS),), n))
        for n in (0, 1)
    ]
    apart = [likelihood(model, data).total for data in labelled]
    assert apart[0] != pytest.approx(apart[1], rel=1e-3)


def test_a_hopeless_model_has_a_finite_perplexity() -> None:
    assert math.isfinite(Likelihood(1e6, 10, 1).perplexity)


def test_no_graph_is_kept_unless_asked_for() -> None:
    model = generator()
    sentences = Sentences(torch.tensor([[4, VOCABULARY.end]]), torch.tensor([2]))
    assert log_probabilities(model, sentences).requires_grad
    with torch.no_grad():
        assert not log_probabilities(model, sentences).requires_grad
