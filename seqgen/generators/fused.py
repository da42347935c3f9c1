"""Losses of a linear layer over a vocabulary that never keep its logits: they are made chunk by
chunk, in a buffer that stays in the cache, and used up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

CPU_CHUNK = 128  # rows whose logits stay in the second-level cache
GPU_LOGITS = 2**25  # logits made at a time on a GPU, 128 MiB


def product_type(hidden: Tensor) -> torch.dtype:
    """The type of matrix products under autocast, so that a bfloat16 run keeps its fast
    products."""
    if torch.is_autocast_enabled(hidden.device.type):
        return torch.get_autocast_dtype(hidden.device.type)
    return torch.float32


def project(hidden: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Float32 logits (..., vocabulary) of hidden vectors (..., width)."""
    kind = product_type(hidden)
    if kind == torch.float32:
        bias = None if bias is None else bias.float()
        return nn.functional.linear(hidden.float(), weight.float(), bias)
    product = hidden.to(kind) @ weight.to(kind).t()
    return product.float() if bias is None else product.float() + bias.float()


def _fill(hidden: Tensor, weight: Tensor, bias: Tensor, buffer: Tensor) -> Tensor:
    """Logits of some rows, into the float32 buffer."""
    view = buffer[: len(hidden)]
    if hidden.dtype == torch.float32:
        return torch.addmm(bias, hidden, weight.t(), out=view)
    return torch.add(torch.mm(hidden, weight.t()), bias, out=view)


def chunks(hidden: Tensor, weight: Tensor, bias: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """Place and logits (some, vocabulary) of one chunk after another, all in one buffer."""
    size = max(GPU_LOGITS // len(weight), 1) if hidden.is_cuda else CPU_CHUNK
    shape = (min(size, len(hidden)), len(weight))
    buffer = torch.empty(shape, dtype=torch.float32, device=hidden.device)
    for begin in range(0, len(hidden), size):
        part = slice(begin, begin + size)
        yield part, _fill(hidden[part], weight, bias, buffer)


class Gradients:
    """Gradients of hidden, weight and bias, made chunk by chunk from the errors of the logits.

    The weights of the tokens are put on the narrow side of each product: on the errors they would
    cost one more walk over the vocabulary.

    Args:
        hidden: (rows, width), in the type of products.
        weight: (vocabulary, width), in the type of products.
        scale: weights of the tokens (rows,).
        needs: which of hidden, weight and bias want a gradient.
    """

    def __init__(
        self, hidden: Tensor, weight: Tensor, scale: Tensor, needs: tuple[bool, ...]
    ) -> None:
        self._weight, self._scale = weight, scale
        self._scaled = (hidden * scale.unsqueeze(1)).to(hidden.dtype)
        kind, device = torch.float32, hidden.device
        self._hidden = torch.empty_like(hidden) if needs[0] else None
        self.weight = torch.zeros(weight.shape, dtype=kind, device=device) if needs[1] else None
        self.bias = torch.zeros(len(weight), dtype=kind, device=device) if needs[2] else None

    def add(self, part: slice, error: Tensor) -> None:
        """Add a chunk: d loss / d logits (some, vocabulary) before the weights of the tokens."""
        typed = error.to(self._weight.dtype)
        if self._hidden is not None:
            torch.mm(typed, self._weight, out=self._hidden[part])
        if self.weight is not None and typed.dtype == self.weight.dtype:
            self.weight.addmm_(typed.t(), self._scaled[part])
        elif self.weight is not None:
            self.weight.add_(typed.t() @ self._scaled[part])
        if self.bias is not None:
            self.bias.addmv_(error.t(), self._scale[part])

    @property
    def hidden(self) -> Tensor | None:
        """Of the hidden vectors."""
        return None if self._hidden is None else self._hidden * self._scale.unsqueeze(1)


class CrossEntropy(torch.autograd.Function):
    """Weighted cross-entropy of a linear layer; all gradients are made while going forward."""

    @staticmethod
    def forward(
        context: Any,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor,
        ids: Tensor,
        weights: Tensor,
        smoothing: float,
        needs: bool,
    ) -> Tensor:
        """Scalar; hidden (rows, width), weight (vocabulary, width), ids and weights (rows,)."""
        kind = product_type(hidden)
        logarithms = torch.zeros(len(hidden), 1, dtype=torch.float32, device=hidden.device)
        with torch.autocast(hidden.device.type, enabled=False):
            rows, typed = hidden.to(kind), weight.to(kind)
            flags = context.needs_input_grad[:3] if needs else (False,) * 3
            gradients = Gradients(rows, typed, weights, flags)
            targets = ids.unsqueeze(1)
            for part, logits in chunks(rows, typed, bias.float()):
                target = targets[part]
                if needs and not smoothing:
                    torch.softmax(logits, -1, out=logits)
                    torch.gather(logits, 1, target, out=logarithms[part])
                else:
                    torch.log_softmax(logits, -1, out=logits)
                    logarithms[part] = _smoothed(logits, target, smoothing)
                if needs:
                    probability = logits.exp_() if smoothing else logits
                    gradients.add(part, _error(probability, target, smoothing))
            if needs and not smoothing:  # one logarithm a row instead of one an entry
                logarithms.clamp_min_(1e-38).log_()
        context.save_for_backward(gradients.hidden, gradients.weight, gradients.bias)
        return -(logarithms.squeeze(1) * weights).sum()

    @staticmethod
    @once_differentiable
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """The gradients made already, times that of the sum."""
        made = (None if part is None else part * gradient for part in context.saved_tensors)
        return (*made, None, None, None, None)


def _smoothed(logarithms: Tensor, target: Tensor, smoothing: float) -> Tensor:
    """Smoothed log-probability of the target: (some, vocabulary), (some, 1) -> (some, 1)."""
    chosen = logarithms.gather(1, target)
    if not smoothing:
        return chosen
    return (1 - smoothing) * chosen + smoothing * logarithms.mean(-1, keepdim=True)


def _error(probability: Tensor, target: Tensor, smoothing: float) -> Tensor:
    """d (-smoothed log-probability) / d logits = p - (1 - s) one-hot - s / V, in place."""
    probability.scatter_(1, target, smoothing - 1.0, reduce="add")
    return probability.sub_(smoothing / probability.shape[1]) if smoothing else probability


class LogProbability(torch.autograd.Function):
    """log p(ids) of a linear layer; keeps the hidden vectors and makes the logits again."""

    @staticmethod
    def forward(context: Any, hidden: Tensor, weight: Tensor, bias: Tensor, ids: Tensor) -> Tensor:
        """(rows,); hidden (rows, width), weight (vocabulary, width), ids (rows,)."""
        context.kind = kind = product_type(hidden)
        result = torch.empty(len(hidden), 1, dtype=torch.float32, device=hidden.device)
        with torch.autocast(hidden.device.type, enabled=False):
            targets = ids.unsqueeze(1)
            for part, logits in chunks(hidden.to(kind), weight.to(kind), bias.float()):
                torch.log_softmax(logits, -1, out=logits)
                torch.gather(logits, 1, targets[part], out=result[part])
        context.save_for_backward(hidden, weight, bias, ids)
        return result.squeeze(1)

    @staticmethod
    @once_differentiable
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Of hidden, weight and bias, from the logits made again."""
        hidden, weight, bias, ids = context.saved_tensors
        with torch.autocast(hidden.device.type, enabled=False):
            rows, typed = hidden.to(context.kind), weight.to(context.kind)
            gradients = Gradients(rows, typed, -gradient, context.needs_input_grad)
            targets = ids.unsqueeze(1)
            for part, logits in chunks(rows, typed, bias.float()):
                torch.softmax(logits, -1, out=logits)
                gradients.add(part, _error(logits, targets[part], 0.0))
        return gradients.hidden, gradients.weight, gradients.bias, None
