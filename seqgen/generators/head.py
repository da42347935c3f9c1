"""The last layer of a generator: hidden vectors to logits, or, fused, straight to a loss.

A vocabulary of 5,000 makes the (rows x time, vocabulary) logits the largest tensor of a training
step by far. The fused losses walk over it in chunks that fit the cache and never keep it: 2 to 3.5
times faster on a CPU, and a fraction of the memory everywhere.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

CPU_CHUNK = 128  # rows whose logits stay in the second-level cache
GPU_CHUNK = 8192


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
        total: Tensor = _FusedCrossEntropy.apply(
            hidden, self.weight, bias, ids, weights, smoothing, needs
        )
        return total

    def log_probability(self, hidden: Tensor, ids: Tensor) -> Tensor:
        """log p(ids): hidden (..., width), ids (...) -> (...) float32, differentiable in hidden and
        the head."""
        bias = self.weight.new_zeros(self.weight.shape[0]) if self.bias is None else self.bias
        flat: Tensor = _LogProbability.apply(
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
    product = hidden.to(kind) @ weight.to(kind).t()
    return product.float() if bias is None else product.float() + bias.float()


def _fill(
    hidden: Tensor, weight: Tensor, bias: Tensor, kind: torch.dtype, buffer: Tensor
) -> Tensor:
    """Logits of some rows, into the buffer where the product type allows."""
    view = buffer[: len(hidden)]
    if kind == torch.float32:
        return torch.addmm(bias, hidden, weight.t(), out=view)
    return torch.add(torch.mm(hidden, weight.t()), bias, out=view)


class _FusedCrossEntropy(torch.autograd.Function):
    """Weighted cross-entropy of a linear layer; gradients of hidden, weight and bias are made while
    going forward."""

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
        kind, original = _product_type(hidden), hidden.dtype
        with torch.autocast(hidden.device.type, enabled=False):
            hidden, typed, bias = hidden.to(kind), weight.to(kind), bias.float()
            vocabulary, count = weight.shape[0], len(hidden)
            chunk = min(GPU_CHUNK if hidden.is_cuda else CPU_CHUNK, max(count, 1))
            buffer = torch.empty(chunk, vocabulary, dtype=torch.float32, device=hidden.device)
            total = torch.zeros((), dtype=torch.float32, device=hidden.device)
            if needs:
                to_hidden = torch.empty(hidden.shape, dtype=original, device=hidden.device)
                to_weight, to_bias = torch.zeros_like(weight), torch.zeros_like(bias)
            for begin in range(0, count, chunk):
                part = slice(begin, begin + chunk)
                rows, target, scale = (
                    hidden[part],
                    ids[part].unsqueeze(1),
                    weights[part].unsqueeze(1),
                )
                logits = _fill(rows, typed, bias, kind, buffer)
                norm = torch.logsumexp(logits, -1, keepdim=True) if smoothing or not needs else None
                if norm is not None:
                    chosen = logits.gather(1, target) - norm
                    mean = logits.mean(-1, keepdim=True) - norm if smoothing else 0.0
                    total -= ((1 - smoothing) * chosen + smoothing * mean).mul_(scale).sum()
                    if not needs:
                        continue
                probability = torch.softmax(logits, -1, out=logits)
                if (
                    norm is None
                ):  # the probability is at hand: its logarithm is cheaper than a log-sum-exp
                    chosen = probability.gather(1, target).clamp_min_(1e-38).log_()
                    total -= (chosen * scale).sum()
                # d loss / d logits = w (p - (1 - s) onehot - s / V)
                probability.mul_(scale)
                probability.scatter_add_(1, target, scale * (smoothing - 1))
                if smoothing:
                    probability.sub_(scale * (smoothing / vocabulary))
                gradient = probability.to(kind)
                to_hidden[part] = gradient @ typed
                if kind == weight.dtype:
                    to_weight.addmm_(gradient.t(), rows)
                else:
                    to_weight.add_(gradient.t() @ rows)
                to_bias.add_(probability.sum(0))
        if needs:
            context.save_for_backward(to_hidden, to_weight, to_bias)
        return total

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        hidden, weight, bias = context.saved_tensors
        needs = context.needs_input_grad
        return (
            hidden * gradient if needs[0] else None,
            weight * gradient if needs[1] else None,
            bias * gradient if needs[2] else None,
            None,
            None,
            None,
            None,
        )


class _LogProbability(torch.autograd.Function):
    """log p(ids) of a linear layer; keeps the hidden vectors only and makes the logits again in the
    backward pass."""

    @staticmethod
    def forward(context: Any, hidden: Tensor, weight: Tensor, bias: Tensor, ids: Tensor) -> Tensor:
        context.kind = kind = _product_type(hidden)
        result = torch.empty(len(hidden), dtype=torch.float32, device=hidden.device)
        norms = torch.empty_like(result)
        with torch.autocast(hidden.device.type, enabled=False):
            typed, chunk = weight.to(kind), GPU_CHUNK if hidden.is_cuda else CPU_CHUNK
            buffer = torch.empty(chunk, len(weight), dtype=torch.float32, device=hidden.device)
            for begin in range(0, len(hidden), chunk):
                part = slice(begin, begin + chunk)
                logits = _fill(hidden[part].to(kind), typed, bias.float(), kind, buffer)
                norms[part] = torch.logsumexp(logits, -1)
                result[part] = logits.gather(1, ids[part].unsqueeze(1)).squeeze(1) - norms[part]
        context.save_for_backward(hidden, weight, bias, ids, norms)
        return result

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        hidden, weight, bias, ids, norms = context.saved_tensors
        kind = context.kind
        to_hidden, to_weight, to_bias = (
            torch.empty_like(hidden),
            torch.zeros_like(weight),
            torch.zeros_like(bias),
        )
        with torch.autocast(hidden.device.type, enabled=False):
            typed, chunk = weight.to(kind), GPU_CHUNK if hidden.is_cuda else CPU_CHUNK
            buffer = torch.empty(chunk, len(weight), dtype=torch.float32, device=hidden.device)
            for begin in range(0, len(hidden), chunk):
                part = slice(begin, begin + chunk)
                rows, scale = hidden[part].to(kind), gradient[part].unsqueeze(1)
                logits = _fill(rows, typed, bias.float(), kind, buffer)
                error = logits.sub_(norms[part].unsqueeze(1)).exp_().mul_(-scale)
                error.scatter_add_(1, ids[part].unsqueeze(1), scale)
                typed_error = error.to(kind)
                to_hidden[part] = (typed_error @ typed).to(hidden.dtype)
                to_weight.add_(typed_error.t() @ rows)
                to_bias.add_(error.sum(0))
        needs = context.needs_input_grad
        return (
            to_hidden if needs[0] else None,
            to_weight if needs[1] else None,
            to_bias if needs[2] else None,
            None,
        )
