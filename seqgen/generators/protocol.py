"""What a generator is: two methods, `start` and `advance`, on which all decoding and all training
stand.

A generator reads tokens and remembers them in a State. Everything else follows: teacher forcing is
one `advance` over the whole sentence, sampling is `advance` one token at a time, and rollouts, beam
search and dropping of finished rows are `State.select`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple, Protocol, Self

import torch
from torch import Tensor, nn

from seqgen.generators.head import Head


class Specials(NamedTuple):
    """Ids with a meaning of their own. `end` None: sentences have one fixed length and end by it
    (the synthetic oracle)."""

    begin: int
    end: int | None
    pad: int


@dataclass(frozen=True)
class Condition:
    """What `start` may be given; all fields share the rows axis.

    Attributes:
        tokens: a source sentence: ids (rows, time) or soft tokens (rows, time, vocabulary).
        mask: (rows, time) bool, True on the real tokens of `tokens`.
        style: (rows,) int64, the label or wanted style.
        latent: (rows, width), a latent vector.
    """

    tokens: Tensor | None = None
    mask: Tensor | None = None
    style: Tensor | None = None
    latent: Tensor | None = None

    def select(self, rows: Tensor) -> Condition:
        """Repeat, reorder or drop rows."""
        return Condition(**{f.name: None if v is None else v[rows] for f, v in self._items()})

    def to(self, device: torch.device | str) -> Condition:
        """Move to a device."""
        return Condition(**{f.name: None if v is None else v.to(device) for f, v in self._items()})

    def _items(self) -> list[tuple[Any, Tensor | None]]:
        return [(f, getattr(self, f.name)) for f in fields(self)]


class State(Protocol):
    """What a generator remembers of the tokens read so far. `advance` uses its state up: to go on
    twice, select first."""

    def select(self, rows: Tensor) -> Self:
        """Repeat, reorder or drop rows; `rows` is int64 (some,)."""


@dataclass(frozen=True)
class Forced:
    """What `advance` gives: hidden (rows, time, width), all that `logits` needs, and named extras
    (rows, time, ...)."""

    hidden: Tensor
    extras: Mapping[str, Tensor] = field(default_factory=dict)


class Generator(nn.Module):
    """Base of all generators. A new one sets `head` and writes `start` and `advance`; nothing else.

    Args:
        specials: begin, end and pad ids. BEGIN is fed first and never stored; END is kept; PAD
            fills the tail.
    """

    head: Head
    styles: int = 0  # how many labels `Condition.style` may name; 0: the generator takes none
    limit: int | None = None  # the most tokens it can read; None: no limit
    capturable: bool = False  # whether reading tokens never makes the host wait for a GPU
    # whether start needs the tokens and mask of a source sentence and the wanted style
    reads_source: bool = False

    def __init__(self, specials: Specials) -> None:
        super().__init__()
        self.specials = specials

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        return next(self.parameters()).device

    def start(self, count: int, condition: Condition | None = None) -> Any:
        """A State of `count` rows that have read nothing."""
        raise NotImplementedError

    def advance(self, tokens: Tensor, state: Any) -> tuple[Forced, Any]:
        """Read tokens, ids (rows, time) or soft (rows, time, vocabulary); the state given is used
        up."""
        raise NotImplementedError

    def logits(self, hidden: Tensor, out: Tensor | None = None, scale: float = 1.0) -> Tensor:
        """Unnormalised log-probabilities of the next token, times `scale`, float32: (..., width) ->
        (..., vocabulary).

        `out` is a buffer the result may be written to (without gradients only); ignoring it is
        allowed.
        """
        return self.head.logits(hidden, out, scale)

    def negative_log_likelihood(
        self, hidden: Tensor, ids: Tensor, weights: Tensor, smoothing: float = 0.0
    ) -> Tensor:
        """Sum of weights x (-log p(ids)) as a scalar; hidden (rows, time, width), ids and weights
        (rows, time).

        Memory stays below (rows x time, vocabulary): the gradient is made in the forward pass.
        Weights get no gradient.
        """
        return self.head.negative_log_likelihood(hidden, ids, weights, smoothing)

    def log_probability(self, hidden: Tensor, ids: Tensor) -> Tensor:
        """log p(ids), (rows, time), with gradients, made again in chunks in the backward pass."""
        return self.head.log_probability(hidden, ids)
