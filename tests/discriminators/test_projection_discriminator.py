"""The projection discriminator: a score of any word after a prefix, linear in the word."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from seqgen.discriminators.projection import Projection
from seqgen.discriminators.token_reward import TokenReward

VOCABULARY = 11


def network(seed: int = 1, **settings: Any) -> Projection:
    torch.manual_seed(seed)
    made = Projection(VOCABULARY, **{"width": 6, "hidden": 7, **settings})
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.normal_(0.0, 0.7)
    return made.eval()


def sentences(rows: int = 5, time: int = 6) -> tuple[Tensor, Tensor]:
    drawn = torch.Generator().manual_seed(2)
    lengths = torch.tensor([time, 1, 3, 4, 2])[:rows]
    ids = torch.randint(3, VOCABULARY, (rows, time), generator=drawn)
    return ids.masked_fill(torch.arange(time) >= lengths[:, None], 0), lengths


def by_hand(made: Projection, ids: list[int]) -> Tensor:
    """Scores of all words in every place, one place after the other: (time, vocabulary)."""
    state, vector, found = None, made.begin, []
    for token in ids:
        hidden, state = made.network(vector.view(1, 1, -1), state)
        found.append(made.words.weight @ hidden[0, 0] + made.words.bias)
        vector = made.embedding.weight[token]
    return torch.stack(found)


@pytest.mark.parametrize("settings", [{}, {"cell": "lstm", "layers": 2}])
def test_the_values_are_those_of_the_formula(settings: dict[str, Any]) -> None:
    made, (ids, lengths) = network(**settings), sentences()
    scores = made(ids, lengths)
    contexts = made.features(ids, lengths)
    others = torch.randint(VOCABULARY, (*ids.shape, 3), generator=torch.Generator().manual_seed(3))
    several = made.score_words(contexts, others)
    for row, length in enumerate(lengths.tolist()):
        tables = by_hand(made, ids[row, :length].tolist())
        expected = tables.gather(1, ids[row, :length, None])[:, 0]
        torch.testing.assert_close(scores[row, :length], expected)
        assert (scores[row, length:] == 0).all()
        wanted = tables.gather(1, others[row, :length])
        torch.testing.assert_close(several[row, :length], wanted)


def test_another_word_scores_as_it_would_stand_in_the_sentence() -> None:
    made, (ids, lengths) = network(), sentences()
    other = (ids + 3) % VOCABULARY
    expected = made.score_words(made.features(ids, lengths), other.unsqueeze(2)).squeeze(2)
    for step in range(ids.shape[1]):
        changed = ids.clone()
        changed[:, step] = other[:, step]
        there = lengths > step
        found = made(changed, lengths)
        torch.testing.assert_close(found[there, step], expected[there, step])
        torch.testing.assert_close(found[:, :step], made(ids, lengths)[:, :step])


def test_neither_padding_nor_what_follows_changes_a_score() -> None:
    made, (ids, lengths) = network(), sentences()
    scores = made(ids, lengths)
    behind = torch.arange(6) >= lengths[:, None]
    wider = torch.cat((ids.masked_fill(behind, 9), torch.full((5, 2), 8)), 1)
    torch.testing.assert_close(made(wider, lengths)[:, :6], scores)
    for row, length in enumerate(lengths.tolist()):
        alone = made(ids[row : row + 1, :length], lengths[row : row + 1])
        torch.testing.assert_close(alone[0], scores[row, :length], atol=1e-5, rtol=1e-5)


def test_a_soft_word_has_the_expected_score_and_its_gradient_is_all_words() -> None:
    made, (ids, lengths) = network(), sentences()
    torch.testing.assert_close(made(one_hot(ids, VOCABULARY).float(), lengths), made(ids, lengths))
    contexts = made.features(ids, lengths).detach()
    everyone = torch.arange(VOCABULARY).expand(*ids.shape, VOCABULARY)
    tables = made.score_words(contexts, everyone)
    soft = torch.softmax(torch.randn(*ids.shape, 2, VOCABULARY), -1).requires_grad_()
    scores = made.score_words(contexts, soft)
    torch.testing.assert_close(scores, (soft * tables.unsqueeze(2)).sum(-1))
    (gradient,) = torch.autograd.grad(scores.sum(), soft)
    torch.testing.assert_close(gradient, tables.unsqueeze(2).expand_as(soft))


@pytest.mark.parametrize("train", [True, False])
def test_gradients_of_gradients_are_right(train: bool) -> None:
    made = network().double().train(train)
    lengths = torch.tensor([4, 1, 3])
    soft = torch.softmax(torch.randn(3, 4, VOCABULARY, dtype=torch.float64), -1).requires_grad_()
    assert torch.autograd.gradgradcheck(lambda points: made(points, lengths).square(), soft)


def test_dropout_acts_in_training_alone() -> None:
    made, (ids, lengths) = network(dropout=0.5), sentences()
    assert torch.equal(made(ids, lengths), made(ids, lengths))
    made.train()
    assert not torch.equal(made(ids, lengths), made(ids, lengths))


def test_a_token_reward_is_made_of_the_same_scores() -> None:
    torch.manual_seed(4)
    made = TokenReward(VOCABULARY, width=6, hidden=7, perceptron=8, dropout=0.0).eval()
    ids, lengths = sentences()
    inner = made.features(ids, lengths)
    tables = torch.sigmoid(inner @ made.weight.T + made.bias)
    expected = tables.gather(2, ids.unsqueeze(2)).squeeze(2)
    inside = torch.arange(6) < lengths[:, None]
    torch.testing.assert_close(made(ids, lengths), expected * inside)


def test_an_unknown_cell_is_refused() -> None:
    with pytest.raises(ValueError, match="cell 'rnn': must be"):
        Projection(VOCABULARY, cell="rnn")
