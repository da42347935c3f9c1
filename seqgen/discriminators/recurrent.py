"""A bidirectional recurrent discriminator over sequences of vectors, such as a generator's hidden
states."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqgen.kernels import plain_recurrence


class BehaviorDiscriminator(nn.Module):
    """Scores how a generator behaved along a sentence, from its hidden states and its outputs.

    A bidirectional GRU, the mean of its states over the real steps, and a perceptron (Lamb et al.,
    2016, arXiv 1610.09038). The output distributions enter as expected vectors of an embedding of
    the discriminator's own.

    Args:
        width: size of the generator's hidden vectors.
        vocabulary: number of ids; 0 leaves the outputs out.
        hidden: size of the recurrent layers, each direction.
        layers: how many.
        dropout: before the recurrent layers and in the perceptron.
    """

    def __init__(
        self,
        width: int,
        vocabulary: int,
        *,
        hidden: int = 128,
        layers: int = 1,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.outputs = nn.Parameter(torch.randn(vocabulary, hidden) * 0.1) if vocabulary else None
        inputs = width + (hidden if vocabulary else 0)
        between = dropout if layers > 1 else 0.0
        self.network = nn.GRU(
            inputs, hidden, layers, batch_first=True, dropout=between, bidirectional=True
        )
        self.dropout = nn.Dropout(dropout)
        self.score = nn.Sequential(
            nn.Linear(2 * hidden, hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, 1)
        )

    def forward(self, hidden: Tensor, logits: Tensor | None, lengths: Tensor) -> Tensor:
        """Scores (rows,), high for teacher-forced behaviour.

        Args:
            hidden: (rows, time, width).
            logits: (rows, time, vocabulary), or None where the outputs are left out.
            lengths: (rows,) int64, how many steps count.
        """
        vectors = [hidden]
        if self.outputs is not None:
            if logits is None:
                raise ValueError("this discriminator looks at the outputs too: give it the logits")
            vectors.append(torch.softmax(logits, -1) @ self.outputs)
        inputs = self.dropout(torch.cat(vectors, -1))
        packed = nn.utils.rnn.pack_padded_sequence(
            inputs, lengths.cpu(), batch_first=True, enforce_sorted=False
        )
        with plain_recurrence(not self.training):
            states, _ = self.network(packed)
        padded, _ = nn.utils.rnn.pad_packed_sequence(states, batch_first=True)
        mean = padded.sum(1) / lengths.unsqueeze(1)  # the padded steps are zero
        score: Tensor = self.score(mean).squeeze(-1)
        return score
