"""The table of adversarial losses: what the discriminator minimises on real and on fake scores, and
what the generator minimises on fake ones.

Scores are unbounded numbers, high for real.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid, relu, softplus

Elementwise = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class LossPair:
    """The losses of both players, each elementwise over scores v, to be minimised.

    Attributes:
        name: as recipes spell it.
        real: the discriminator's loss on real scores.
        fake: its loss on fake scores.
        generator: the generator's loss on fake scores.
        log_ratio: log p_real / p_generator that the score of an optimal discriminator stands for;
            its sigmoid is the probability of being real. None where no probability belongs to the
            pair.
        threshold: the score above which something counts as real; None where only differences of
            scores mean something.
        compares: what a score is compared with before the losses are taken: "nothing"; "pairs":
            the score of the other kind in the same place; "means": the mean score of the other
            kind in the same micro-batch, which couples its rows.
        smoothed: the loss on real scores when the label "real" is 1 minus the given smoothing;
            None for pairs without labels.
    """

    name: str
    real: Elementwise
    fake: Elementwise
    generator: Elementwise
    log_ratio: Elementwise | None = None
    threshold: float | None = 0.0
    compares: Literal["nothing", "pairs", "means"] = "nothing"
    smoothed: Callable[[Tensor, float], Tensor] | None = None


def _itself(v: Tensor) -> Tensor:
    return v


def _saddle(
    name: str, activation: Elementwise, conjugate: Elementwise, log_ratio: Elementwise | None
) -> LossPair:
    """E_real g(v) - E_fake f*(g(v)) of an f-divergence, from its output activation g and from its
    conjugate f* after g; the discriminator maximises it, the generator minimises it."""
    return LossPair(
        name,
        real=lambda v: -activation(v),
        fake=conjugate,
        generator=lambda v: -conjugate(v),
        log_ratio=log_ratio,
    )


def _cross_entropy(v: Tensor, smoothing: float) -> Tensor:
    return softplus(-v) + smoothing * v  # (1 - s) softplus(-v) + s softplus(v)


# Goodfellow et al., "Generative Adversarial Networks", 2014, arXiv 1406.2661.
_MINIMAX = replace(
    _saddle("minimax", logsigmoid, softplus, _itself), name="minimax", smoothed=_cross_entropy
)
_NON_SATURATING = replace(_MINIMAX, name="non-saturating", generator=lambda v: softplus(-v))

# Mao et al., "Least Squares Generative Adversarial Networks", 2016, arXiv 1611.04076; its optimal
# score is a probability, but nothing keeps a score between 0 and 1.
_LEAST_SQUARES = LossPair(
    "least-squares",
    real=lambda v: 0.5 * (v - 1).square(),
    fake=lambda v: 0.5 * v.square(),
    generator=lambda v: 0.5 * (v - 1).square(),
    threshold=0.5,
    smoothed=lambda v, smoothing: 0.5 * (v - 1 + smoothing).square(),
)

# Nowozin et al., "f-GAN: Training Generative Neural Samplers using Variational Divergence
# Minimization", 2016, arXiv 1606.00709. An optimal score is g^-1(f'(p_real / p_generator)), from
# which the log ratios follow; Pearson's ratio 1 + v / 2 may be negative.
_F_DIVERGENCES = (
    replace(_saddle("kl", _itself, lambda v: torch.exp(v - 1), lambda v: v - 1), threshold=1.0),
    _saddle("reverse-kl", lambda v: -torch.exp(-v), lambda v: v - 1, _itself),
    _saddle("pearson", _itself, lambda v: v + 0.25 * v.square(), None),
    _saddle("hellinger", lambda v: -torch.expm1(-v), torch.expm1, lambda v: 2 * v),
    _saddle(
        "jensen-shannon",
        lambda v: math.log(2) + logsigmoid(v),
        lambda v: softplus(v) - math.log(2),
        _itself,
    ),
    replace(_MINIMAX, name="gan"),
)

# Arjovsky et al., "Wasserstein GAN", 2017, arXiv 1701.07875.
_WASSERSTEIN = LossPair(
    "wasserstein", real=lambda v: -v, fake=_itself, generator=lambda v: -v, threshold=None
)

# Lim and Ye, "Geometric GAN", 2017, arXiv 1705.02894.
_HINGE = LossPair(
    "hinge", real=lambda v: relu(1 - v), fake=lambda v: relu(1 + v), generator=lambda v: -v
)

# Jolicoeur-Martineau, "The relativistic discriminator: a key element missing from standard GAN",
# 2018, arXiv 1807.00734; v is a score less what it is compared with.
_RELATIVISTIC = LossPair(
    "relativistic",
    real=lambda v: softplus(-v),
    fake=softplus,
    generator=lambda v: softplus(-v),
    compares="pairs",
)
_RELATIVISTIC_AVERAGE = replace(_RELATIVISTIC, name="relativistic-average", compares="means")

PAIRS: Mapping[str, LossPair] = MappingProxyType(
    {
        pair.name: pair
        for pair in (
            _MINIMAX,
            _NON_SATURATING,
            _LEAST_SQUARES,
            *_F_DIVERGENCES,
            _WASSERSTEIN,
            _HINGE,
            _RELATIVISTIC,
            _RELATIVISTIC_AVERAGE,
        )
    }
)
