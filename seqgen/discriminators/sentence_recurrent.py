"""A recurrent discriminator of sentences."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from seqgen.discriminators.protocol import Discriminator
from seqgen.generators.embedding import TokenEmbedding
from seqgen.kernels import plain_recurrence


class SentenceRecurrent(Discriminator):
    """An LSTM or GRU over the tokens, the mean of its states over the sentence, and a linear layer.

    Per token, each state is scored instead: the score of a token knows the prefix that ends with it
    and nothing behind it, so that it can be a reward without rollouts ("Language GANs Falling
    Short", Caccia et al. 2018, arXiv 1811.02549).

    Args:
        vocabulary: number of ids.
        cell: "gru" or "lstm".
        width: size of the token vectors.
        hidden: size of the states, each direction.
        layers: how many recurrent layers.
        dropout: on the token vectors, between layers and before the score.
        bidirectional: whether a second network reads from the end.
        per_token: score every prefix; goes with one direction only.

    Raises:
        ValueError: an unknown cell, or per_token with two directions.
    """

    def __init__(
        self,
        vocabulary: int,
        *,
        cell: str = "gru",
        width: int = 64,
        hidden: int = 128,
        layers: int = 1,
        dropout: float = 0.0,
        bidirectional: bool = True,
        per_token: bool = False,
    ) -> None:
        super().__init__()
        if cell not in ("gru", "lstm"):
            raise ValueError(f"cell {cell!r}: must be 'gru' or 'lstm'")
        if per_token and bidirectional:
            raise ValueError(
                "per_token scores prefixes and must not see what comes behind them: "
                "set bidirectional to False"
            )
        self.per_token = per_token
        self.embedding = TokenEmbedding(vocabulary, width)
        network = nn.GRU if cell == "gru" else nn.LSTM
        between = dropout if layers > 1 else 0.0
        self.network = network(
            width, hidden, layers, batch_first=True, dropout=between, bidirectional=bidirectional
        )
        self.dropout = nn.Dropout(dropout)
        self.score = nn.Linear(hidden * (2 if bidirectional else 1), 1)

    def features(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """The mean state (rows, width); per token the states (rows, time, width), 0 behind the
        end. Arguments as the base says."""
        vectors = self.dropout(self.embedding(tokens))
        with plain_recurrence(not self.training or tokens.requires_grad):
            states = self._states(vectors, lengths)
        if self.per_token:
            return states
        return states.sum(1) / lengths.unsqueeze(1)  # the states behind the end are 0

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """Scores (rows,), or per token (rows, time)."""
        scores: Tensor = self.score(self.dropout(self.features(tokens, lengths))).squeeze(-1)
        return scores

    def _states(self, vectors: Tensor, lengths: Tensor) -> Tensor:
        """(rows, time, width) -> states (rows, time, width), 0 behind the ends."""
        if not self.network.bidirectional:  # padding behind the end changes no state before it
            steps = torch.arange(vectors.shape[1], device=vectors.device)
            states: Tensor = self.network(vectors)[0]
            return states * (steps < lengths[:, None]).unsqueeze(-1)
        if not len(vectors):
            return vectors.new_zeros(*vectors.shape[:2], 2 * self.network.hidden_size)
        packed = pack_padded_sequence(
            vectors, lengths.cpu(), batch_first=True, enforce_sorted=False
        )
        states = pad_packed_sequence(
            self.network(packed)[0], batch_first=True, total_length=vectors.shape[1]
        )[0]
        return states
