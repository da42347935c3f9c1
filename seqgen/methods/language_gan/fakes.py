"""What the turns of a GAN on text share that makes its own fakes."""

from __future__ import annotations

from typing import Generic, NamedTuple, TypeVar

import torch
from torch import Tensor

from seqgen.methods.protocol import Term

S = TypeVar("S")


class Sides(NamedTuple, Generic[S]):
    """What a discriminator is to tell apart.

    Attributes:
        real: specimens of the batch.
        fake: generated ones.
        numbers: (specimens,) int64, which number of the random streams each has.
        entropy: of what the fake ones were drawn from, nats a token; None where nobody asked.
    """

    real: S
    fake: S
    numbers: Tensor
    entropy: Term | None


@torch.no_grad()
def entropies(logits: Tensor) -> Tensor:
    """Nats, (..., vocabulary) -> (...), without gradients."""
    # Three times as fast as torch.special.entr; no logit is infinite, so neither is a term.
    logarithms = torch.log_softmax(logits, -1)
    nats: Tensor = -torch.linalg.vecdot(logarithms.exp(), logarithms)
    return nats
