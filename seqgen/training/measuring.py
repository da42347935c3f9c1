"""Evaluating in the middle of training without leaving a trace."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

import torch
from torch import nn

from seqgen.randomness import Stream
from seqgen.training.averaging import Average
from seqgen.training.randomness import preserved, seed_torch


@dataclass(frozen=True)
class EvaluationMoment:
    """When an evaluation happens.

    `step` counts the whole training, `round` the present visit of the phase; `stream` gives the
    evaluation's own random numbers; `final` says that the last phase has ended.
    """

    step: int
    round: int
    phase: str
    kind: str
    final: bool
    stream: Stream


Evaluate = Callable[[EvaluationMoment], Mapping[str, float]]


def measure(
    evaluate: Evaluate,
    moment: EvaluationMoment,
    modules: Iterable[nn.Module],
    average: Average | None,
) -> dict[str, float]:
    """Call `evaluate` on modules in evaluation mode, with averaged weights where there are any.

    No gradients are recorded, and all random states are put back afterwards.
    """
    for module in modules:
        module.eval()
    with ExitStack() as stack:
        stack.enter_context(torch.no_grad())
        stack.enter_context(preserved())
        if average is not None:
            stack.enter_context(average.applied())
        seed_torch(moment.stream)
        return dict(evaluate(moment))
