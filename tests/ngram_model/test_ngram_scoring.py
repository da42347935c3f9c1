"""Scores of sentences: sums, counts, positions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from ngram_texts import BEGIN, END, zipf_corpus

from seqgen.errors import UserError
from seqgen.ngram_model import model as model_module
from seqgen.ngram_model.model import NgramModel
from seqgen.ngram_model.scored import PositionGroup, Scored


@pytest.fixture(scope="module")
def model() -> NgramModel:
    return NgramModel.train(zipf_corpus(seed=8), 3)


def test_scores_are_sums_of_the_tokens_with_end(model: NgramModel) -> None:
    texts = ["w0 w1 w2", "", "never w3"]
    nats, tokens = model.score(texts)
    assert tokens.tolist() == [4.0, 1.0, 3.0]
    for text, value in zip(texts, nats, strict=True):
        words = [BEGIN, *text.split(), END]
        logs = [math.log(model.probability(words[at], words[:at])) for at in range(1, len(words))]
        assert value == pytest.approx(sum(logs), rel=1e-12)
    scored = model.score_tokens(texts)
    assert (scored.unknown, scored.unknown_share) == (1, 1 / 5)
    assert scored.perplexity == pytest.approx(math.exp(-nats.sum() / 8))
    assert model.perplexity(texts) == scored.perplexity


def test_sentences_do_not_see_each_other(
    model: NgramModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [" ".join(sentence) for sentence in zipf_corpus(seed=3, sentences=30)]
    alone = [model.score([text])[0][0] for text in texts]
    assert model.score(texts)[0] == pytest.approx(alone, rel=1e-12)
    monkeypatch.setattr(model_module, "_ROWS", 7)
    assert model.score(texts)[0] == pytest.approx(alone, rel=1e-12)


def test_no_sentences_have_no_perplexity(model: NgramModel) -> None:
    nats, tokens = model.score([])
    assert nats.shape == tokens.shape == (0,)
    assert model.score_tokens([]).by_position(3) == []
    with pytest.raises(UserError, match="no sentence"):
        model.perplexity([])


def test_positions_group_all_tokens_with_end_after_the_last_word(model: NgramModel) -> None:
    scored = model.score_tokens(["w0 w1 w2", "", "w3"])
    costs = np.split(-scored.values, [4, 5])
    first = [*costs[0][:2], *costs[1], *costs[2]]
    assert scored.by_position(2) == [
        PositionGroup(1, 2, 5, pytest.approx(sum(first) / 5)),
        PositionGroup(3, 4, 2, pytest.approx(sum(costs[0][2:]) / 2)),
    ]
    with pytest.raises(UserError, match="0 positions"):
        scored.by_position(0)


def test_scores_are_joined(model: NgramModel) -> None:
    texts = ["w0 w1", "never", ""]
    whole = model.score_tokens(texts)
    joined = Scored.join([model.score_tokens([text]) for text in texts])
    assert np.array_equal(joined.values, whole.values)
    assert np.array_equal(joined.lengths, whole.lengths)
    assert joined.unknown == whole.unknown == 1
