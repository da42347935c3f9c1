"""The Style Transformer: an encoder-decoder that writes a sentence again in a wanted style."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from seqgen.generators.embedding import TokenEmbedding
from seqgen.generators.head import Head
from seqgen.generators.protocol import Condition, Forced, Generator, Specials
from seqgen.generators.source_attention import SourceAttention
from seqgen.generators.transformer import Block, Cache, causal_mask


@dataclass(frozen=True)
class StyleTransformerState:
    """What was written and what is rewritten.

    Attributes:
        caches: of each layer, keys and values of the tokens written so far.
        memories: of each layer, keys and values of the style and the source, (2, rows, heads,
            1 + source time, size).
        seen: which of these are real, (rows, 1, 1, 1 + source time) bool.
    """

    caches: tuple[Cache, ...]
    memories: tuple[Tensor, ...]
    seen: Tensor

    def select(self, rows: Tensor) -> StyleTransformerState:
        """Repeat, reorder or drop rows."""
        return StyleTransformerState(
            tuple(cache.select(rows) for cache in self.caches),
            tuple(memory.index_select(1, rows) for memory in self.memories),
            self.seen.index_select(0, rows),
        )


class DecoderBlock(nn.Module):
    """A Transformer block that attends to the source between its two halves.

    Args:
        width: size of the vectors.
        heads: attention heads; they share the width.
        dropout: on the attention weights and on all branches.
    """

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.block = Block(width, heads, dropout, "relu")
        self.source_norm = nn.LayerNorm(width)
        self.source = SourceAttention(width, heads, dropout)

    def forward(
        self, vectors: Tensor, cache: Cache, mask: Tensor | None, memory: Tensor, seen: Tensor
    ) -> tuple[Tensor, Cache, Tensor]:
        """Vectors (rows, time, width) -> the same, the longer cache, and the normed vectors that
        asked the source; `mask` as in Block, `memory` and `seen` as in the state."""
        vectors, cache = self.block.attend(vectors, cache, None, mask)
        asking = self.source_norm(vectors)
        vectors = vectors + self.block.dropout(self.source(asking, memory, seen))
        return self.block.transform(vectors), cache, asking


class StyleTransformer(Generator):
    """Encoder and decoder of Dai et al., "Style Transformer: Unpaired Text Style Transfer without
    Disentangled Latent Representation", 2019, arXiv 1905.05621: a learned vector of the wanted
    style stands in front of the source tokens, and nothing else tells the decoder of it.

    Both are Transformers (Vaswani et al., 2017, arXiv 1706.03762) normed before each branch. Token
    and position vectors are shared: a token of the source and the token of the same place in what
    is written have the same position. The style and BEGIN have none.

    Args:
        vocabulary: number of ids.
        specials: begin, end and pad ids.
        styles: number of styles, at least 1.
        width: size of all vectors.
        heads: attention heads; must divide the width.
        layers: how many blocks, of encoder and decoder each.
        limit: the most tokens of a sentence, read or written.
        dropout: on the token vectors, the attention weights and all branches.
        tie: share the token vectors with the head.

    Raises:
        ValueError: no style, or heads that do not divide the width.
    """

    reads_source = True

    def __init__(
        self,
        vocabulary: int,
        specials: Specials,
        *,
        styles: int,
        width: int = 256,
        heads: int = 4,
        layers: int = 4,
        limit: int = 32,
        dropout: float = 0.0,
        tie: bool = False,
    ) -> None:
        super().__init__(specials)
        if width % heads:
            raise ValueError(f"width {width} and {heads} heads: the heads must divide the width")
        if styles < 1:
            raise ValueError(f"{styles} styles: a generator that rewrites needs at least one")
        self.styles, self.limit = styles, limit
        self.heads, self.size = heads, width // heads
        self.keeps_attention = False  # see `attending`
        self.embedding = TokenEmbedding(vocabulary, width)
        self.style = nn.Parameter(torch.randn(styles, width) * width**-0.5)
        self.position = nn.Parameter(torch.randn(limit, width) * width**-0.5)
        self.dropout = nn.Dropout(dropout)
        self.encoder = nn.ModuleList(Block(width, heads, dropout, "relu") for _ in range(layers))
        self.encoder_norm = nn.LayerNorm(width)
        self.decoder = nn.ModuleList(DecoderBlock(width, heads, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.head = Head(width, vocabulary, self.embedding.weight if tie else None)
        _initialise(self)

    def start(self, count: int, condition: Condition | None = None) -> StyleTransformerState:
        """Encode the source and the wanted style.

        Raises:
            ValueError: no source, mask or style; other rows than `count`; a source above the limit.
        """
        tokens, mask, style = _complete(condition)
        if len(tokens) != count:
            raise ValueError(f"{count} rows to start, and a source of {len(tokens)}")
        self._require_room(tokens.shape[1], "the source has")
        vectors = self.embedding(tokens) + self.position[: tokens.shape[1]]
        vectors = self.dropout(torch.cat((self.style[style].unsqueeze(1), vectors), 1))
        seen = torch.cat((mask.new_ones(count, 1), mask), 1)[:, None, None, :]
        empty = Cache(vectors.new_empty(2, count, self.heads, 0, self.size))
        for block in self.encoder:
            vectors, _ = block(vectors, empty, None, seen)
        encoded = self.encoder_norm(vectors)
        memories = tuple(block.source.remember(encoded) for block in self._blocks)
        return StyleTransformerState((empty,) * len(self.decoder), memories, seen)

    def advance(
        self, tokens: Tensor, state: StyleTransformerState
    ) -> tuple[Forced, StyleTransformerState]:
        """Read written tokens, BEGIN first; those of one call see each other causally, all that
        the state holds, and the source.

        Extras: "attention" (rows, time, source time), where it is kept.

        Raises:
            ValueError: more tokens than the limit.
        """
        past, time = state.caches[0].length, tokens.shape[1]
        self._require_room(past + time, "to write are")
        vectors = self.dropout(self.embedding(tokens) + self._places(past, time))
        mask, caches, weights = causal_mask(past, time, tokens.device), [], []
        for block, cache, memory in zip(self._blocks, state.caches, state.memories, strict=True):
            vectors, cache, asking = block(vectors, cache, mask, memory, state.seen)
            caches.append(cache)
            if self.keeps_attention:
                weights.append(block.source.weights(asking, memory, state.seen))
        extras = {"attention": _on_source(weights)} if weights else {}
        after = StyleTransformerState(tuple(caches), state.memories, state.seen)
        return Forced(self.norm(vectors), extras), after

    @property
    def _blocks(self) -> list[DecoderBlock]:
        return cast(list[DecoderBlock], list(self.decoder))

    def _places(self, past: int, time: int) -> Tensor:
        """Position vectors of written tokens, (time, width): BEGIN has none, the token behind it
        the first."""
        if past:
            return self.position[past - 1 : past - 1 + time]
        return nn.functional.pad(self.position[: time - 1], (0, 0, 1, 0))

    def _require_room(self, time: int, what: str) -> None:
        assert self.limit is not None
        if time > self.limit:
            raise ValueError(
                f"{what} {time} tokens, the generator takes at most {self.limit}: "
                "shorten the sentences or give the generator a higher limit"
            )


@contextmanager
def attending(generator: StyleTransformer) -> Iterator[None]:
    """For a while, `advance` also gives the extra "attention" (rows, time, source time): the mean
    over layers and heads of how much a written token looked at each token of the source. It sums
    to 1 over the real ones; what fell on the style is left out."""
    before = generator.keeps_attention
    generator.keeps_attention = True
    try:
        yield
    finally:
        generator.keeps_attention = before


def _on_source(weights: list[Tensor]) -> Tensor:
    """Weights of the layers, each (rows, heads, time, 1 + source time), without the style's."""
    mean = torch.stack(weights).mean((0, 2))[..., 1:]
    return mean / mean.sum(-1, keepdim=True).clamp_min(torch.finfo(mean.dtype).tiny)


def _complete(condition: Condition | None) -> tuple[Tensor, Tensor, Tensor]:
    found = condition or Condition()
    if found.tokens is None or found.mask is None or found.style is None:
        names = [n for n in ("tokens", "mask", "style") if getattr(found, n) is None]
        raise ValueError(
            f"no {', no '.join(names)} given: a Style Transformer rewrites the tokens of a source "
            "sentence in a wanted style"
        )
    return found.tokens, found.mask, found.style


def _initialise(network: nn.Module) -> None:
    """Linear layers by Glorot and Bengio (2010), zero biases, as the authors have it."""
    for part in network.modules():
        if isinstance(part, nn.Linear):
            nn.init.xavier_uniform_(part.weight)
            nn.init.zeros_(part.bias)
