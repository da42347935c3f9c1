"""A discriminator's training pass over real and drawn sentences as two CUDA graphs, one forward and
one backward: a hundred small kernels at two launches."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.nn.functional import pad
from torch.nn.utils.parametrize import is_parametrized

from seqgen.discriminators.protocol import Discriminator
from seqgen.kernels import goes_back_once

STATIC_TIME = 8  # sentences are padded to a multiple of so many tokens: few different shapes
MOST = 8  # graphs kept for a network; beyond, the one that was not used for longest goes

_kept: WeakKeyDictionary[nn.Module, dict[Hashable, Callable[[Tensor, Tensor], Tensor]]]
_kept = WeakKeyDictionary()


def capturable(discriminator: Discriminator) -> bool:
    """Whether a training pass can be captured now: on CUDA, with gradients and one backward pass,
    by a network that says so itself and whose weights are not made from others (spectral norm) at
    each pass."""
    return (
        vars(type(discriminator)).get("capturable", False)
        and discriminator.training
        and goes_back_once()
        and torch.is_grad_enabled()
        and next(discriminator.parameters()).is_cuda
        and not any(is_parametrized(part) for part in discriminator.modules())
    )


def score_together(
    discriminator: Discriminator, sentences: tuple[Tensor, Tensor], lengths: tuple[Tensor, Tensor]
) -> tuple[Tensor, Tensor]:
    """Scores of two batches of ids in one pass, captured at the first call with such a shape. No
    derivative of the gradients exists, and one backward pass must come before the next call.

    Args:
        discriminator: `capturable`.
        sentences: two batches of ids (rows, time) int64.
        lengths: (rows,) int64 of each.
    """
    longest = max(ids.shape[1] for ids in sentences)
    time = -(-longest // STATIC_TIME) * STATIC_TIME
    ids = torch.cat([pad(some, (0, time - some.shape[1])) for some in sentences])
    scores = _graphed(discriminator, ids, torch.cat(lengths))(ids, torch.cat(lengths))
    first, second = torch.split(scores, [len(some) for some in sentences])
    if not discriminator.per_token:
        return first, second
    return first[:, : sentences[0].shape[1]], second[:, : sentences[1].shape[1]]


def _graphed(
    discriminator: Discriminator, ids: Tensor, lengths: Tensor
) -> Callable[[Tensor, Tensor], Tensor]:
    kind = torch.get_autocast_dtype("cuda") if torch.is_autocast_enabled("cuda") else None
    places = tuple(parameter.data_ptr() for parameter in discriminator.parameters())
    key, graphs = (ids.shape, kind, places), _kept.setdefault(discriminator, {})
    if key not in graphs and len(graphs) >= MOST:
        graphs.pop(next(iter(graphs)))
    there = key in graphs
    graphs[key] = graphs.pop(key) if there else _captured(discriminator, ids, lengths, kind)
    return graphs[key]


def _captured(
    discriminator: Discriminator, ids: Tensor, lengths: Tensor, kind: torch.dtype | None
) -> Callable[[Tensor, Tensor], Tensor]:
    scoring = _Scoring(discriminator)
    with (
        torch.cuda.device(ids.device),
        # The passes that warm up use random numbers, which the first replay must not miss.
        torch.random.fork_rng([ids.device]),
        # Rounded weights that autocast keeps would be those of the capture for ever.
        torch.autocast("cuda", dtype=kind, enabled=kind is not None, cache_enabled=False),
    ):
        graphed: Any = torch.cuda.make_graphed_callables(
            scoring, (ids.clone(), lengths.clone()), allow_unused_input=True
        )
    del scoring.discriminator  # or it would live as long as its graphs
    function: Callable[[Tensor, Tensor], Tensor] = graphed
    return function


class _Scoring(nn.Module):
    """The discriminator under another name: what is captured has its `forward` replaced."""

    def __init__(self, discriminator: Discriminator) -> None:
        super().__init__()
        self.discriminator = discriminator

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """Scores, as the discriminator gives them."""
        scores: Tensor = self.discriminator(ids, lengths)
        return scores
