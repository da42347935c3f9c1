"""Exact Kullback-Leibler divergences and entropies over a vocabulary, without keeping logits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from seqgen.generators.fused import Gradients, chunks, product_type


class Divergence(torch.autograd.Function):
    """Sum over rows of weights x KL(p || q) with p a linear layer's softmax; without q, of
    weights x sum of p log p.

    All gradients are made while going forward, when a chunk's logits are in the cache:
    d KL / d logits = p (log p - log q - KL). q gets none.
    """

    @staticmethod
    def forward(
        context: Any,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor,
        weights: Tensor,
        q: Callable[[slice], Tensor] | None,
        needs: bool,
    ) -> Tensor:
        """Scalar; hidden (rows, width), weights (rows,); `q` gives the reference's logits."""
        kind = product_type(hidden)
        divergences = torch.zeros(len(hidden), dtype=torch.float32, device=hidden.device)
        with torch.autocast(hidden.device.type, enabled=False):
            rows, typed = hidden.to(kind), weight.to(kind)
            flags = context.needs_input_grad[:3] if needs else (False,) * 3
            gradients = Gradients(rows, typed, weights, flags)
            for part, logits in chunks(rows, typed, bias.float()):
                difference, probability = _compare(logits, q(part) if q else None)
                divergence = (probability * difference).sum(-1)
                divergences[part] = divergence
                if needs:
                    error = difference.sub_(divergence.unsqueeze(1)).mul_(probability)
                    gradients.add(part, error)
        context.save_for_backward(gradients.hidden, gradients.weight, gradients.bias)
        return (divergences * weights).sum()

    @staticmethod
    @once_differentiable
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """The gradients made already, times that of the sum."""
        made = (None if part is None else part * gradient for part in context.saved_tensors)
        return (*made, None, None, None)


def _compare(logits: Tensor, reference: Tensor | None) -> tuple[Tensor, Tensor]:
    """log p - log q (log p without a reference) and p, (some, vocabulary); uses `logits` up."""
    torch.log_softmax(logits, -1, out=logits)
    if reference is None:
        return logits.clone(), logits.exp_()
    difference = torch.log_softmax(reference, -1)
    torch.sub(logits, difference, out=difference)
    return difference, logits.exp_()
