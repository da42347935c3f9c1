"""A decoder-only Transformer language model with a key/value cache."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from seqgen.generators.attention import attend
from seqgen.generators.embedding import TokenEmbedding
from seqgen.generators.head import Head
from seqgen.generators.protocol import Condition, Forced, Generator, Specials

FEWEST_PLACES = 16  # tokens a written-in-place cache has room for at first


@dataclass(frozen=True)
class Cache:
    """Keys and values of a layer, (2, rows, heads, places, size); `length` places are used."""

    buffer: Tensor
    length: int = 0

    @property
    def filled(self) -> Tensor:
        """Keys and values of what was read, (2, rows, heads, length, size)."""
        return self.buffer[:, :, :, : self.length]

    def select(self, rows: Tensor) -> Cache:
        """Repeat, reorder or drop rows; free places stay, so that a row meets the same shapes."""
        return Cache(self.buffer.index_select(1, rows), self.length)

    def extended(self, added: Tensor) -> Cache:
        """With more keys and values (2, rows, heads, time, size); in place without gradients."""
        if not self.length:
            return Cache(added, added.shape[3])
        after = self.length + added.shape[3]
        if torch.is_grad_enabled():
            return Cache(torch.cat((self.filled, added), 3), after)
        buffer = self.buffer
        if after > buffer.shape[3]:
            # Doubling copies the past once a doubling instead of once a step.
            places = -(-max(2 * self.length, after) // FEWEST_PLACES) * FEWEST_PLACES
            buffer = added.new_empty(*added.shape[:3], places, added.shape[4])
            buffer[:, :, :, : self.length] = self.filled
        buffer[:, :, :, self.length : after] = added
        return Cache(buffer, after)


@dataclass(frozen=True)
class TransformerState:
    """The caches of the layers and the style of the rows, (rows,)."""

    caches: tuple[Cache, ...]
    style: Tensor | None = None

    def select(self, rows: Tensor) -> TransformerState:
        """Repeat, reorder or drop rows."""
        style = None if self.style is None else self.style[rows]
        return TransformerState(tuple(cache.select(rows) for cache in self.caches), style)


class Block(nn.Module):
    """Causal self-attention and a four times wider perceptron, each normed before, added after.

    Args:
        width: size of the vectors.
        heads: attention heads; they share the width.
        dropout: on the attention weights and on both branches.
        activation: "gelu", "gelu-tanh", the approximation GPT-2 uses, or "relu".
    """

    def __init__(self, width: int, heads: int, dropout: float, activation: str) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm = nn.LayerNorm(width)
        self.attention = nn.Linear(width, 3 * width)
        self.attention_out = nn.Linear(width, width)
        self.perceptron_norm = nn.LayerNorm(width)
        self.perceptron = nn.Linear(width, 4 * width)
        self.perceptron_out = nn.Linear(4 * width, width)
        gelu = nn.GELU(approximate="tanh" if activation == "gelu-tanh" else "none")
        self.activation = nn.ReLU(inplace=True) if activation == "relu" else gelu
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, vectors: Tensor, cache: Cache, angles: Tensor | None, mask: Tensor | None
    ) -> tuple[Tensor, Cache]:
        """Vectors (rows, time, width) -> the same; `mask` (time, past + time) or None: causal."""
        vectors, cache = self.attend(vectors, cache, angles, mask)
        return self.transform(vectors), cache

    def attend(
        self, vectors: Tensor, cache: Cache, angles: Tensor | None, mask: Tensor | None
    ) -> tuple[Tensor, Cache]:
        """The first half: vectors and what attention adds to them."""
        attended, cache = self._attend(self.attention_norm(vectors), cache, angles, mask)
        return vectors + self.dropout(attended), cache

    def first(self, vectors: Tensor, mask: Tensor) -> Tensor:
        """What `forward` gives for the first vector alone, (rows, 1, width), at a fraction of the
        work: the others lend their keys and values and nothing else; `mask` (rows, 1, 1, time)."""
        width, weight, bias = vectors.shape[-1], self.attention.weight, self.attention.bias
        normed = self.attention_norm(vectors)
        query = nn.functional.linear(normed[:, :1], weight[:width], bias[:width])
        others = nn.functional.linear(normed, weight[width:], bias[width:])
        queries = query.view(len(query), 1, self.heads, -1).transpose(1, 2)
        keys, values = others.view(*vectors.shape[:2], 2, self.heads, -1).permute(2, 0, 3, 1, 4)
        attended = attend(queries, keys, values, mask, dropout=self._share)
        found = self.attention_out(attended.transpose(1, 2).flatten(-2))
        return self.transform(vectors[:, :1] + self.dropout(found))

    def transform(self, vectors: Tensor) -> Tensor:
        """The second half: vectors and what the perceptron adds to them."""
        inner = self.activation(self.perceptron(self.perceptron_norm(vectors)))
        transformed: Tensor = vectors + self.dropout(self.perceptron_out(inner))
        return transformed

    def _attend(
        self, vectors: Tensor, cache: Cache, angles: Tensor | None, mask: Tensor | None
    ) -> tuple[Tensor, Cache]:
        # (rows, time, 3 x width) -> (3, rows, heads, time, size)
        parts = self.attention(vectors).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        if angles is not None:
            parts = torch.cat((rotate(parts[:2], angles), parts[2:]))
        cache = cache.extended(parts[1:])
        keys, values = cache.filled
        attended = attend(
            parts[0],
            keys,
            values,
            mask,
            dropout=self._share,
            causal=mask is None and vectors.shape[1] > 1,
        )
        return self.attention_out(attended.transpose(1, 2).flatten(-2)), cache

    @property
    def _share(self) -> float:
        """Of the attention weights that dropout leaves out."""
        return self.dropout.p if self.training else 0.0


class Transformer(Generator):
    """The decoder of Vaswani et al. (2017, arXiv 1706.03762), normed like GPT-2 (Radford et al.).

    Args:
        vocabulary: number of ids.
        specials: begin, end and pad ids.
        width: size of all vectors.
        heads: attention heads; must divide the width.
        layers: how many blocks.
        positions: "rotary" (Su et al., "RoFormer", 2021, arXiv 2104.09864) or "learned".
        limit: the most tokens it can read, needed for learned positions; None for no limit.
        dropout: on the token vectors, the attention weights and both branches of a block.
        tie: share the token vectors with the head.
        activation: "gelu" or "gelu-tanh".
        styles: number of labels it can be conditioned on.

    Raises:
        ValueError: an unknown name, heads that do not divide the width, or an unfit limit.
    """

    capturable = True

    def __init__(
        self,
        vocabulary: int,
        specials: Specials,
        *,
        width: int = 128,
        heads: int = 4,
        layers: int = 4,
        positions: str = "rotary",
        limit: int | None = None,
        dropout: float = 0.0,
        tie: bool = True,
        activation: str = "gelu",
        styles: int = 0,
    ) -> None:
        super().__init__(specials)
        _check(width, heads, positions, limit, activation)
        self.styles, self.limit = styles, limit
        self.heads, self.size = heads, width // heads
        self.embedding = TokenEmbedding(vocabulary, width, styles)
        self.position: nn.Parameter | None = None
        if positions == "learned" and limit is not None:
            self.position = nn.Parameter(torch.empty(limit, width))
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(Block(width, heads, dropout, activation) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.head = Head(width, vocabulary, self.embedding.weight if tie else None, bias=False)
        self._initialise()

    def start(self, count: int, condition: Condition | None = None) -> TransformerState:
        """Empty caches."""
        empty = self.embedding.weight.new_empty(2, count, self.heads, 0, self.size)
        style = None if condition is None else condition.style
        return TransformerState((Cache(empty),) * len(self.blocks), style)

    def advance(self, tokens: Tensor, state: TransformerState) -> tuple[Forced, TransformerState]:
        """Read tokens; those of one call see each other causally and all that the state holds.

        Raises:
            ValueError: more tokens than the limit.
        """
        past, time = state.caches[0].length, tokens.shape[1]
        vectors = self.embedding(tokens, state.style)
        if self.limit is not None and past + time > self.limit:
            raise ValueError(
                f"{past + time} tokens to read, the generator reads at most {self.limit}: "
                "shorten the sentences or give the generator a higher limit"
            )
        angles = None
        if self.position is None:
            angles = rotation_angles(past, time, self.size, tokens.device)
        else:
            vectors = vectors + self.position[past : past + time]
        vectors, caches = self.dropout(vectors), []
        mask = causal_mask(past, time, tokens.device)
        for block, cache in zip(self.blocks, state.caches, strict=True):
            vectors, cache = block(vectors, cache, angles, mask)
            caches.append(cache)
        return Forced(self.norm(vectors)), TransformerState(tuple(caches), state.style)

    def _initialise(self) -> None:
        """N(0, 0.02), zero biases; what is added to the residual stream shrinks with depth."""
        for name, parameter in self.named_parameters():
            if parameter.dim() > 1:
                residual = name.endswith("_out.weight")
                scale = 0.02 * (2 * len(self.blocks)) ** -0.5 if residual else 0.02
                nn.init.normal_(parameter, 0.0, scale)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)


def rotation_angles(past: int, time: int, size: int, device: torch.device) -> Tensor:
    """Cosines and sines at positions past .. past + time - 1: float32 (2, time, size / 2)."""
    speeds = 10_000.0 ** (-torch.arange(0, size, 2, device=device, dtype=torch.float32) / size)
    angles = torch.arange(past, past + time, device=device, dtype=torch.float32).outer(speeds)
    return torch.stack((angles.cos(), angles.sin()))


def rotate(vectors: Tensor, angles: Tensor) -> Tensor:
    """Turn the pairs (i, i + size / 2) of vectors (..., time, size) by angles; the type stays."""
    first, second = vectors.chunk(2, -1)
    cosine, sine = angles  # float32, so bfloat16 vectors are turned in float32
    turned = torch.cat((first * cosine - second * sine, second * cosine + first * sine), -1)
    return turned.to(vectors.dtype)


def causal_mask(past: int, time: int, device: torch.device) -> Tensor | None:
    """What a chunk may see, (time, past + time) bool; None where the kernel's own mask is right."""
    if not past or time == 1:
        return None
    return torch.ones(time, past + time, dtype=torch.bool, device=device).tril(past)


def _check(width: int, heads: int, positions: str, limit: int | None, activation: str) -> None:
    if positions not in ("rotary", "learned"):
        raise ValueError(f"positions {positions!r}: must be 'rotary' or 'learned'")
    if activation not in ("gelu", "gelu-tanh"):
        raise ValueError(f"activation {activation!r}: must be 'gelu' or 'gelu-tanh'")
    if width % heads or (positions == "rotary" and width // heads % 2):
        raise ValueError(
            f"width {width} and {heads} heads: the heads must divide the width, "
            "with rotary positions into even sizes"
        )
    if limit is None and positions == "learned":
        raise ValueError("learned positions need a limit: the most tokens the generator can read")
