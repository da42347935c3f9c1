"""A discriminator's training pass over real and drawn sentences as two CUDA graphs, one forward and
one backward: a hundred small kernels at two launches."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import pad
from torch.nn.utils.parametrize import is_parametrized

from seqgen.discriminators.protocol import Discriminator

STATIC_TIME = 8  # sentences are padded to a multiple of so many tokens: few different shapes
MOST = 12  # graphs kept, of all networks; beyond, the oldest goes, and with it its network

_kept: dict[Hashable, Callable[[Tensor, Tensor], Tensor]] = {}


def capturable(discriminator: Discriminator) -> bool:
    """Whether a training pass can be captured now: on CUDA, with gradients, by a network that says
    so and whose weights are not made from others (spectral norm) at each pass."""
    return (
        discriminator.capturable
        and discriminator.training
        and torch.is_grad_enabled()
        and next(discriminator.parameters()).is_cuda
        and not any(is_parametrized(part) for part in discriminator.modules())
    )


def score_together(
    discriminator: Discriminator, sentences: tuple[Tensor, Tensor], lengths: tuple[Tensor, Tensor]
) -> tuple[Tensor, Tensor]:
    """Scores of two batches of ids in one pass, captured at the first call with such a shape. No
    derivative of the gradients exists, and the backward pass must come before the next call.

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
    # A graph holds its network, so that no other one can have the same id.
    key = (id(discriminator), ids.shape, kind, places)
    if key not in _kept:
        if len(_kept) >= MOST:
            _kept.pop(next(iter(_kept)))
        # Rounded weights that autocast keeps would be those of the capture for ever.
        with torch.autocast("cuda", dtype=kind, enabled=kind is not None, cache_enabled=False):
            sample = (ids.clone(), lengths.clone())
            graphed: Any = torch.cuda.make_graphed_callables(
                _Scoring(discriminator), sample, allow_unused_input=True
            )
            _kept[key] = graphed
    return _kept[key]


class _Scoring(nn.Module):
    """The discriminator under another name: what is captured has its `forward` replaced."""

    def __init__(self, discriminator: Discriminator) -> None:
        super().__init__()
        self.discriminator = discriminator

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """Scores, as the discriminator gives them."""
        scores: Tensor = self.discriminator(ids, lengths)
        return scores
