"""One embedding for ids and for soft tokens, with an optional style added to every position."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class TokenEmbedding(nn.Module):
    """Vectors of tokens: ids (rows, time) or distributions (rows, time, vocabulary) -> (rows, time,
    width).

    A one-hot soft token gives the vector of its id. A style, where there are any, is a learned
    vector added to every token, so that any generator becomes conditional on a label.

    Args:
        vocabulary: number of ids.
        width: size of the vectors.
        styles: number of labels; 0 for none.
    """

    def __init__(self, vocabulary: int, width: int, styles: int = 0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(vocabulary, width) * width**-0.5)
        self.style = nn.Parameter(torch.randn(styles, width) * width**-0.5) if styles else None

    def forward(self, tokens: Tensor, style: Tensor | None = None) -> Tensor:
        """Embed tokens; `style` is (rows,) int64 or None for no label."""
        if tokens.is_floating_point():
            vectors = tokens @ self.weight
        else:
            vectors = nn.functional.embedding(tokens, self.weight)
        if self.style is None or style is None:
            return vectors
        return vectors + self.style[style].unsqueeze(1)
