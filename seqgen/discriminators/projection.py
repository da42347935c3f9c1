"""A discriminator that can score any word after a prefix."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqgen.discriminators.protocol import Discriminator
from seqgen.discriminators.word_scores import word_scores
from seqgen.generators.embedding import TokenEmbedding
from seqgen.kernels import plain_recurrence


class Projection(Discriminator):
    """An LSTM or GRU over the prefix; the score of a word after it is the product of the state and
    the word's own vector, plus a number of the word.

    Source: Miyato and Koyama, "cGANs with Projection Discriminator", 2018, arXiv 1802.05637: their
    condition is the prefix here, their picture the word. A score is linear in the word, so that a
    soft word has the expected score, and its gradient compares all words of the vocabulary. The
    words of many draws share the reading of their prefixes: `features` once, `score_words` for
    each.

    Args:
        vocabulary: number of ids.
        cell: "gru" or "lstm".
        width: size of the token vectors.
        hidden: size of the states.
        layers: how many recurrent layers.
        dropout: on the token vectors, between layers and on the states.

    Raises:
        ValueError: an unknown cell.
    """

    per_token = True
    capturable = True

    def __init__(
        self,
        vocabulary: int,
        *,
        cell: str = "gru",
        width: int = 64,
        hidden: int = 128,
        layers: int = 1,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if cell not in ("gru", "lstm"):
            raise ValueError(f"cell {cell!r}: must be 'gru' or 'lstm'")
        self.embedding = TokenEmbedding(vocabulary, width)
        self.begin = nn.Parameter(torch.randn(width) * width**-0.5)
        network = nn.GRU if cell == "gru" else nn.LSTM
        between = dropout if layers > 1 else 0.0
        self.network = network(width, hidden, layers, batch_first=True, dropout=between)
        self.dropout = nn.Dropout(dropout)
        self.words = nn.Linear(hidden, vocabulary)

    def features(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """States (rows, time, hidden) before each token; arguments as the base says."""
        begin = self.begin.expand(len(tokens), 1, -1)
        vectors = torch.cat((begin, self.embedding(tokens[:, :-1])), 1)
        with plain_recurrence(not self.training or tokens.requires_grad):
            states, _ = self.network(self.dropout(vectors))
        features: Tensor = self.dropout(states)
        return features

    def score_words(self, contexts: Tensor, words: Tensor) -> Tensor:
        """Scores (..., draws) of words in the place of a token.

        Args:
            contexts: (..., hidden), those of `features` at any places.
            words: ids (..., draws) int64 or soft words (..., draws, vocabulary).
        """
        return word_scores(contexts, words, self.words.weight, self.words.bias)

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """Scores (rows, time) of each token after its own prefix, 0 behind the length."""
        scores = self.score_words(self.features(tokens, lengths), tokens.unsqueeze(2)).squeeze(2)
        steps = torch.arange(tokens.shape[1], device=tokens.device)
        return scores.masked_fill(steps >= lengths.unsqueeze(1), 0.0)
