"""Attention of a decoder to the sentence it rewrites."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqgen.generators.attention import attend


class SourceAttention(nn.Module):
    """Multi-head attention to vectors whose keys and values are made once a sentence.

    Args:
        width: size of the vectors.
        heads: attention heads; they share the width.
        dropout: on the attention weights.
    """

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.query = nn.Linear(width, width)
        self.memory = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)

    def remember(self, vectors: Tensor) -> Tensor:
        """Keys and values: (rows, source time, width) -> (2, rows, heads, source time, size)."""
        parts: Tensor = self.memory(vectors).unflatten(-1, (2, self.heads, -1))
        # In one piece: each step reads all of it.
        return parts.permute(2, 0, 3, 1, 4).contiguous()

    def forward(self, vectors: Tensor, memory: Tensor, seen: Tensor) -> Tensor:
        """Vectors (rows, time, width) -> the same; `seen` (rows, 1, 1, source time) bool."""
        dropout = self.dropout if self.training else 0.0
        attended = attend(self._queries(vectors), memory[0], memory[1], seen, dropout=dropout)
        found: Tensor = self.out(attended.transpose(1, 2).flatten(-2))
        return found

    def weights(self, vectors: Tensor, memory: Tensor, seen: Tensor) -> Tensor:
        """The attention weights of the same arguments, (rows, heads, time, source time)."""
        queries, keys = self._queries(vectors), memory[0]
        fits = queries @ keys.transpose(-1, -2) * queries.shape[-1] ** -0.5
        return torch.softmax(fits.float().masked_fill(~seen, -torch.inf), -1)

    def _queries(self, vectors: Tensor) -> Tensor:
        queries: Tensor = self.query(vectors).unflatten(-1, (self.heads, -1))
        return queries.transpose(1, 2)
