"""A Transformer discriminator of sentences."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from seqgen.discriminators.protocol import Discriminator
from seqgen.generators.embedding import TokenEmbedding
from seqgen.generators.transformer import Block, Cache


class SentenceTransformer(Discriminator):
    """A Transformer encoder with learned positions, the mean of its vectors over the sentence, and
    a linear layer ("Attention Is All You Need", Vaswani et al. 2017, arXiv 1706.03762).

    Per token, attention is causal and each vector is scored: the score of a token knows the prefix
    that ends with it and nothing behind it.

    Args:
        vocabulary: number of ids.
        width: size of all vectors.
        layers: how many blocks.
        heads: attention heads; must divide the width.
        dropout: on the token vectors, the attention weights and both branches of a block.
        per_token: score every prefix.
        limit: the most tokens it can read.

    Raises:
        ValueError: heads that do not divide the width.
    """

    def __init__(
        self,
        vocabulary: int,
        *,
        width: int = 64,
        layers: int = 2,
        heads: int = 4,
        dropout: float = 0.1,
        per_token: bool = False,
        limit: int = 512,
    ) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"width {width} and {heads} heads: the heads must divide the width")
        self.per_token, self.limit = per_token, limit
        self.heads = heads
        self.embedding = TokenEmbedding(vocabulary, width)
        self.position = nn.Parameter(torch.randn(limit, width) * 0.02)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(Block(width, heads, dropout, "gelu") for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.score = nn.Linear(width, 1)

    def features(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """The mean vector (rows, width); per token the vectors (rows, time, width), 0 behind the
        end. Arguments as the base says.

        Raises:
            ValueError: more tokens than the limit.
        """
        rows, time = tokens.shape[:2]
        if time > self.limit:
            raise ValueError(
                f"{time} tokens to read, the discriminator reads at most {self.limit}: "
                "shorten the sentences or give the discriminator a higher limit"
            )
        real = torch.arange(time, device=tokens.device) < lengths[:, None]
        vectors = self.dropout(self.embedding(tokens) + self.position[:time])
        empty = vectors.new_empty(2, rows, self.heads, 0, vectors.shape[-1] // self.heads)
        # Padding comes after all that a causal block looks at; others must be told of it.
        seen = None if self.per_token else real[:, None, None, :]
        with _kernel(twice=tokens.requires_grad):
            for block in self.blocks:
                vectors, _ = block(vectors, Cache(empty), None, seen)
        states: Tensor = self.norm(vectors) * real.unsqueeze(-1)
        return states if self.per_token else states.sum(1) / lengths.unsqueeze(1)

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """Scores (rows,), or per token (rows, time)."""
        scores: Tensor = self.score(self.features(tokens, lengths)).squeeze(-1)
        return scores


def _kernel(twice: bool) -> AbstractContextManager[None]:
    """The plain attention kernel where a gradient penalty may differentiate twice: the fast ones
    cannot."""
    plain: AbstractContextManager[None] = sdpa_kernel(SDPBackend.MATH)
    return plain if twice else nullcontext()
