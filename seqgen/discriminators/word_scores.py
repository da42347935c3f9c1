"""Scores of words that are linear in the word: what a context vector says of each of them."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import embedding, linear


def word_scores(contexts: Tensor, words: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """weight[w] · context + bias[w] of several words w a context; a soft word has the expected one.

    For ids nothing of the size of the vocabulary is made; soft words of one context share its
    table of scores, whose row is the gradient of a soft word.

    Args:
        contexts: (..., width).
        words: ids (..., draws) int64 or soft words (..., draws, vocabulary).
        weight: (vocabulary, width).
        bias: (vocabulary,).

    Returns:
        Scores (..., draws).
    """
    if words.is_floating_point():
        tables = linear(contexts, weight, bias)
        return (words * tables.unsqueeze(-2)).sum(-1)
    chosen = embedding(words, weight)
    return (contexts.unsqueeze(-2) * chosen).sum(-1) + bias[words]
