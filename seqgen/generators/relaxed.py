"""Choices that feed distributions instead of ids, so that gradients flow through the tokens."""

from __future__ import annotations

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
        noise = gumbel_noise(self._seeds[rows, step], logits.shape[-1])
        soft = torch.softmax((logits + noise) / self.temperature, -1)
        if self.hard:
            one_hot = torch.zeros_like(soft).scatter_(-1, soft.argmax(-1, keepdim=True), 1.0)
            soft = one_hot - soft.detach() + soft
        return Choice(soft, soft)


class Soft:
    """The noise-free expected token softmax(logits / temperature), with gradients."""

    soft, blockwise = True, True

    def __init__(self, temperature: float = 1.0) -> None:
        if not temperature > 0:
            raise ValueError(f"temperature {temperature}: must be above 0")
        self.temperature = temperature

    def prepare(self, rows: Tensor, steps: int, vocabulary: int, stream: Stream | None) -> None:
        """Nothing random."""

    def __call__(self, step: int, logits: Tensor, rows: Tensor) -> Choice:
        """The distribution itself."""
        soft = torch.softmax(logits / self.temperature, -1)
        return Choice(soft, soft)
