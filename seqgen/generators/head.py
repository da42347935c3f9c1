"""The last layer of a generator: hidden vectors to logits, or, fused, straight to a loss.

A vocabulary of 5,000 makes the (rows x time, vocabulary) logits the largest tensor of a training
step by far. The fused losses walk over it in chunks that fit the cache and never keep it: 2 to 3.5
times faster on a CPU, and a fraction of the memory everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

CPU_CHUNK = 128  # rows whose logits stay in the second-level cache
GPU_LOGITS = 2**25  # logits made at a time on a GPU, 128 MiB


class Head(nn.Module):
    """Linear layer from `width` to `vocabulary` with fused losses.

    Args:
        width: size of the hidden vectors.
        vocabulary: number of ids.
        weight: a (vocabulary, width) parameter to share with an embedding (weight tying; Press and
            Wolf, 2017, arXiv 1608.05859); None makes an own one.
        bias: whether to add a bias.
    """

    def __init__(
        self, width: int, vocabulary: int, weight: nn.Parameter | None = None, bias: bool = True
    ) -> None:
        super().__init__()
        if weight is None:
            weight = nn.Parameter(torch.empty(vocabulary, width).uniform_(-1, 1) * width**-0.5)
        if weight.shape != (vocabulary, width):
            raise ValueError(
                f"the shared weight is {tuple(weight.shape)}, the head needs {(vocabulary, width)}"
            )
        self.weight = weight
        self.bias = nn.Parameter(torch.zeros(vocabulary)) if bias else None

    def logits(self, hidden: Tensor, out: Tensor | None = None) -> Tensor:
        """Float32 logits: (..., width) -> (..., vocabulary); `out` is a float32 (rows, vocabulary)
        buffer or None."""
        kinds = {_product_type(hidden), self.weight.dtype}
        if out is None or hidden.dim() != 2 or kinds != {torch.float32}:
            return _logits(hidden, self.weight, self.bias)
        if self.bias is None:
            return torch.mm(hidden.float(), self.weight.t(), out=out)
        return torch.addmm(self.bias, hidden.float(), self.weight.t(), out=out)

    def negative_log_likelihood(
        self, hidden: Tensor, ids: Tensor, weights: Tensor, smoothing: float = 0.0
    ) -> Tensor:
        """Sum of weights x smoothed cross-entropy; hidden (..., width), ids and weights (...).
        Scalar float32."""
        hidden, ids, weights = _rows(hidden, ids, weights)
        bias = self.weight.new_zeros(self.weight.shape[0]) if self.bias is None else self.bias
        needs = torch.is_grad_enabled() and any(
            t.requires_grad for t in (hidden, self.weight, bias)
        )
        total: Tensor = _FusedCrossEntropy.apply(  # type: ignore[no-untyped-call]
            hidden, self.weight, bias, ids, weights, smoothing, needs
        )
        return total

    def log_probability(self, hidden: Tensor, ids: Tensor) -> Tensor:
        """log p(ids): hidden (..., width), ids (...) -> (...) float32, differentiable in hidden and
        the head."""
        bias = self.weight.new_zeros(self.weight.shape[0]) if self.bias is None else self.bias
        flat: Tensor = _LogProbability.apply(  # type: ignore[no-untyped-call]
            hidden.reshape(-1, hidden.shape[-1]), self.weight, bias, ids.reshape(-1)
        )
        return flat.view(ids.shape)


def _rows(hidden: Tensor, ids: Tensor, weights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Flatten, and on the CPU leave out tokens of weight 0 (padding): they add neither loss nor
    gradient."""
    hidden, ids, weights = (
        hidden.reshape(-1, hidden.shape[-1]),
        ids.reshape(-1),
        weights.reshape(-1),
    )
    weights = weights.detach().to(torch.float32)
    if hidden.is_cuda:  # finding the rows would make the host wait for the device
        return hidden, ids, weights
    kept = weights.nonzero().squeeze(-1)
    if len(kept) == len(weights):
        return hidden, ids, weights
    return hidden[kept], ids[kept], weights[kept]


def _product_type(hidden: Tensor) -> torch.dtype:
    """The type of matrix products under autocast, so that a bfloat16 run keeps its fast
    products."""
    if torch.is_autocast_enabled(hidden.device.type):
        return torch.get_autocast_dtype(hidden.device.type)
    return torch.float32


def _logits(hidden: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    kind = _product_type(hidden)
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


def _chunks(
    hidden: Tensor, weight: Tensor, bias: Tensor, ids: Tensor
) -> Iterator[tuple[slice, Tensor, Tensor]]:
    """Place, ids (some, 1) and logits of one chunk after another, all in one buffer."""
    size = max(GPU_LOGITS // len(weight), 1) if hidden.is_cuda else CPU_CHUNK
    shape = (min(size, len(hidden)), len(weight))
    buffer = torch.empty(shape, dtype=torch.float32, device=hidden.device)
    targets = ids.unsqueeze(1)
    for begin in range(0, len(hidden), size):
        part = slice(begin, begin + size)
        yield part, targets[part], _fill(hidden[part], weight, bias, buffer)


class _Gradients:
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


class _FusedCrossEntropy(torch.autograd.Function):
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
        kind = _product_type(hidden)
        logarithms = torch.zeros(len(hidden), 1, dtype=torch.float32, device=hidden.device)
        with torch.autocast(hidden.device.type, enabled=False):
            rows, typed = hidden.to(kind), weight.to(kind)
            flags = context.needs_input_grad[:3] if needs else (False,) * 3
            gradients = _Gradients(rows, typed, weights, flags)
            for part, target, logits in _chunks(rows, typed, bias.float(), ids):
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


class _LogProbability(torch.autograd.Function):
    """log p(ids) of a linear layer; keeps the hidden vectors and makes the logits again."""

    @staticmethod
    def forward(context: Any, hidden: Tensor, weight: Tensor, bias: Tensor, ids: Tensor) -> Tensor:
        context.kind = kind = _product_type(hidden)
        result = torch.empty(len(hidden), 1, dtype=torch.float32, device=hidden.device)
        with torch.autocast(hidden.device.type, enabled=False):
            chunks = _chunks(hidden.to(kind), weight.to(kind), bias.float(), ids)
            for part, target, logits in chunks:
                torch.log_softmax(logits, -1, out=logits)
                torch.gather(logits, 1, target, out=result[part])
        context.save_for_backward(hidden, weight, bias, ids)
        return result.squeeze(1)

    @staticmethod
    @once_differentiable
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        hidden, weight, bias, ids = context.saved_tensors
        with torch.autocast(hidden.device.type, enabled=False):
            rows, typed = hidden.to(context.kind), weight.to(context.kind)
            gradients = _Gradients(rows, typed, -gradient, context.needs_input_grad)
            for part, target, logits in _chunks(rows, typed, bias.float(), ids):
                torch.softmax(logits, -1, out=logits)
                gradients.add(part, _error(logits, target, 0.0))
        return gradients.hidden, gradients.weight, gradients.bias, None
