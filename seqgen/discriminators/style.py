"""A Transformer that tells the style of a sentence and whether it was written by the generator."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from seqgen.generators.embedding import TokenEmbedding
from seqgen.generators.transformer import Block, Cache

FAKE = 0  # the class of both variants for what is not of a style


class StyleDiscriminator(nn.Module):
    """The two discriminators of Dai et al. (2019, arXiv 1905.05621), a Transformer encoder whose
    vector of an extra first token is classified.

    Conditional: a sentence and a style are given, the classes are 0 (not a real sentence of that
    style) and 1 (a real one). Multi-class: a sentence alone is given, the classes are 0
    (generated) and 1 + style.

    Args:
        vocabulary: number of ids.
        styles: number of styles.
        conditional: which of the two.
        width: size of all vectors.
        layers: how many blocks.
        heads: attention heads; must divide the width.
        dropout: on the token vectors, the attention weights and both branches of a block.
        limit: the most tokens of a sentence.

    Raises:
        ValueError: heads that do not divide the width, or fewer than two styles.
    """

    def __init__(
        self,
        vocabulary: int,
        styles: int,
        *,
        conditional: bool = True,
        width: int = 256,
        layers: int = 4,
        heads: int = 4,
        dropout: float = 0.0,
        limit: int = 32,
    ) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"width {width} and {heads} heads: the heads must divide the width")
        if styles < 2:
            raise ValueError(f"{styles} styles: there must be two or more to tell apart")
        self.conditional, self.styles, self.limit = conditional, styles, limit
        self.heads, self.size = heads, width // heads
        self.embedding = TokenEmbedding(vocabulary, width)
        self.position = nn.Parameter(torch.randn(limit, width) * width**-0.5)
        self.first = nn.Parameter(torch.randn(width) * width**-0.5)
        self.style = nn.Parameter(torch.randn(styles, width) * width**-0.5) if conditional else None
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(Block(width, heads, dropout, "relu") for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.classify = nn.Linear(width, 2 if conditional else styles + 1)
        for part in self.modules():
            if isinstance(part, nn.Linear):
                nn.init.xavier_uniform_(part.weight)
                nn.init.zeros_(part.bias)

    def forward(self, tokens: Tensor, lengths: Tensor, style: Tensor | None = None) -> Tensor:
        """Logits (rows, classes).

        Args:
            tokens: ids (rows, time) int64 or soft tokens (rows, time, vocabulary).
            lengths: (rows,) int64, END included; what lies beyond is not looked at.
            style: (rows,) int64, the style a conditional one is asked about; else None.

        Raises:
            ValueError: more tokens than the limit; a style too much or too few.
        """
        return self.judge(self.embed(tokens, lengths), lengths, style)

    def embed(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """Token vectors (rows, time, width), arguments as for `forward`; beyond the lengths they
        mean nothing."""
        time = tokens.shape[1]
        if time > self.limit:
            raise ValueError(
                f"{time} tokens to read, the discriminator reads at most {self.limit}: "
                "shorten the sentences or give the discriminator a higher limit"
            )
        if tokens.is_floating_point() and not tokens.is_cuda:
            return self._embed_real(tokens, lengths) + self.position[:time]
        vectors: Tensor = self.embedding(tokens)
        return vectors + self.position[:time]

    def judge(self, vectors: Tensor, lengths: Tensor, style: Tensor | None = None) -> Tensor:
        """Logits (rows, classes) of what `embed` gave, (rows, time, width)."""
        if (style is None) == self.conditional:
            needs = "needs the style it is asked about" if self.conditional else "takes no style"
            raise ValueError(f"a {self._variant} discriminator {needs}")
        front = [self.first.expand(len(vectors), 1, -1)]
        if self.style is not None and style is not None:
            front.append(self.style[style].unsqueeze(1))
        time = vectors.shape[1] + len(front)
        steps = torch.arange(time, device=vectors.device)
        seen = (steps < lengths[:, None] + len(front))[:, None, None, :]
        vectors = self.dropout(torch.cat((*front, vectors), 1))
        empty = Cache(vectors.new_empty(2, len(vectors), self.heads, 0, self.size))
        *blocks, last = cast(list[Block], list(self.blocks))
        for block in blocks:
            vectors, _ = block(vectors, empty, None, seen)
        logits: Tensor = self.classify(self.norm(last.first(vectors, seen)[:, 0]))
        return logits

    @property
    def _variant(self) -> str:
        return "conditional" if self.conditional else "multi-class"

    def _embed_real(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """Vectors of soft tokens (rows, time, vocabulary); the large product leaves out what lies
        beyond the lengths."""
        real = torch.arange(tokens.shape[1], device=tokens.device) < lengths[:, None]
        found = self.embedding(tokens[real])
        empty = found.new_zeros(*tokens.shape[:2], found.shape[-1])
        vectors: Tensor = empty.masked_scatter(real.unsqueeze(-1), found)
        return vectors
