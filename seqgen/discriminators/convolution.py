"""A convolutional classifier of sentences."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from seqgen.generators.embedding import TokenEmbedding
from seqgen.text.sentences import Sentences


class Convolution(nn.Module):
    """Convolutions of several widths over a sentence, the largest value of each feature over time,
    and a linear layer ("Convolutional Neural Networks for Sentence Classification", Kim 2014, arXiv
    1408.5882).

    A window may reach beyond both ends of the sentence, where there are zeros, so that a sentence
    of one word has windows too and no figure depends on the padding of its batch.

    Args:
        vocabulary: number of ids.
        labels: number of labels.
        width: size of the token vectors.
        widths: how many tokens the windows of each convolution see.
        channels: features of each convolution.
        dropout: on the token vectors and on the features.
    """

    def __init__(
        self,
        vocabulary: int,
        labels: int,
        *,
        width: int = 128,
        widths: Sequence[int] = (3, 4, 5),
        channels: int = 100,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        self.widths = tuple(widths)
        self.embedding = TokenEmbedding(vocabulary, width)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(width, channels, size, padding=size - 1) for size in widths
        )
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(channels * len(widths), labels)

    def forward(self, sentences: Sentences) -> Tensor:
        """Unnormalised log-probabilities of the labels, (rows, labels)."""
        return self.score(sentences.ids, sentences.lengths)

    def score(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """`forward` of ids (rows, time) or of soft tokens (rows, time, vocabulary); lengths
        (rows,) int64, at least 1."""
        steps = torch.arange(tokens.shape[1], device=tokens.device)
        mask = steps < lengths[:, None]
        vectors = self.dropout(self.embedding(tokens)) * mask[:, :, None]
        vectors = vectors.transpose(1, 2)
        # So many windows of a size see a token: lengths + size - 1.
        features = [
            _largest(layer(vectors), lengths + size - 1)
            for layer, size in zip(self.convolutions, self.widths, strict=True)
        ]
        logits: Tensor = self.linear(self.dropout(torch.relu(torch.cat(features, 1))))
        return logits


def _largest(windows: Tensor, counts: Tensor) -> Tensor:
    """The maximum over the first `counts` (rows,) windows of each row: (rows, channels, windows) ->
    (rows, channels)."""
    beyond = torch.arange(windows.shape[2], device=windows.device) >= counts[:, None]
    return windows.masked_fill(beyond[:, None], -torch.inf).amax(2)
