"""Choices that feed distributions instead of ids, so that gradients flow through the tokens."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from seqgen.generators.choose import Choice, need_stream
from seqgen.generators.drawing import gumbel_noise
from seqgen.randomness import Stream


class GumbelSoftmax:
    """Relaxed samples softmax((logits + Gumbel noise) / temperature) with gradients (Jang et al.,
    2016, arXiv 1611.01144; Maddison et al., 2016, arXiv 1611.00712).

    Args:
        temperature: positive; towards 0 the tokens become one-hot.
        hard: feed and keep the one-hot argmax, with the gradient of the soft token
            (straight-through).
    """

    soft, blockwise = True, True

    def __init__(self, temperature: float = 1.0, hard: bool = False) -> None:
        if not temperature > 0:
            raise ValueError(f"temperature {temperature}: must be above 0")
        self.temperature, self.hard = temperature, hard

    def prepare(self, rows: Tensor, steps: int, vocabulary: int, stream: Stream | None) -> None:
        """One seed per row and step."""
        self._seeds = need_stream(stream, "GumbelSoftmax").bits(rows, steps)

    def __call__(self, step: int, logits: Tensor, rows: Tensor) -> Choice:
        """A relaxed draw a row."""
        noisy = gumbel_noise(self._seeds[rows, step], logits.shape[-1]).add_(logits)
        return _relaxed(noisy, self.temperature, self.hard)


class Soft:
    """The noise-free expected token softmax(logits / temperature), with gradients.

    Args:
        temperature: positive; towards 0 the tokens become one-hot.
        hard: feed and keep the one-hot argmax, with the gradient of the soft token
            (straight-through).
    """

    soft, blockwise = True, True

    def __init__(self, temperature: float = 1.0, hard: bool = False) -> None:
        if not temperature > 0:
            raise ValueError(f"temperature {temperature}: must be above 0")
        self.temperature, self.hard = temperature, hard

    def prepare(self, rows: Tensor, steps: int, vocabulary: int, stream: Stream | None) -> None:
        """Nothing random."""

    def __call__(self, step: int, logits: Tensor, rows: Tensor) -> Choice:
        """The distribution itself, or its likeliest token; without gradients the logits are
        overwritten."""
        return _relaxed(logits, self.temperature, self.hard)


def _relaxed(logits: Tensor, temperature: float, hard: bool) -> Choice:
    """softmax(logits / temperature); without gradients in place, since fresh memory costs more than
    the arithmetic."""
    if torch.is_grad_enabled():
        logits = logits if temperature == 1.0 else logits / temperature
        tokens = torch.softmax(logits, -1)
    else:
        logits = logits if temperature == 1.0 else logits.div_(temperature)
        tokens = torch.softmax(logits, -1, out=logits)
    if hard:
        tokens = _StraightThrough.apply(tokens)  # type: ignore[no-untyped-call]
    return Choice(tokens, tokens)


class _StraightThrough(torch.autograd.Function):
    """The one-hot argmax forward, the identity backward."""

    @staticmethod
    def forward(ctx: Any, soft: Tensor) -> Tensor:
        """(rows, vocabulary) -> the same, exactly one-hot."""
        return torch.zeros_like(soft).scatter_(-1, soft.argmax(-1, keepdim=True), 1.0)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        """The gradient of the one-hot token is that of the soft one."""
        return gradients[0]
