"""The last layer of a generator: hidden vectors to logits, or, fused, straight to a loss.

A vocabulary of 5,000 makes the (rows x time, vocabulary) logits the largest tensor of a training
step by far. The fused losses walk over it in chunks that fit the cache and never keep it: 2 to 3.5
times faster on a CPU, and a fraction of the memory everywhere.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqgen.generators.divergence import Divergence
from seqgen.generators.fused import CrossEntropy, LogProbability, product_type, project


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

    def logits(self, hidden: Tensor, out: Tensor | None = None, scale: float = 1.0) -> Tensor:
        """Float32 logits times `scale`: (..., width) -> (..., vocabulary); `out` is a float32
        (rows, vocabulary) buffer or None."""
        kind = product_type(hidden)
        if out is None or hidden.dim() != 2 or self.weight.dtype != torch.float32:
            logits = project(hidden, self.weight, self.bias)
            return logits if scale == 1.0 else logits * scale
        if kind != torch.float32:
            out.copy_((hidden * scale).to(kind) @ self.weight.to(kind).t())
            return out if self.bias is None else out.add_(self.bias, alpha=scale)
        if self.bias is None:
            return torch.mm(hidden.float() * scale, self.weight.t(), out=out)
        # The product scales for nothing.
        return torch.addmm(
            self.bias, hidden.float(), self.weight.t(), beta=scale, alpha=scale, out=out
        )

    def negative_log_likelihood(
        self, hidden: Tensor, ids: Tensor, weights: Tensor, smoothing: float = 0.0
    ) -> Tensor:
        """Sum of weights x smoothed cross-entropy; hidden (..., width), ids and weights (...).
        Scalar float32."""
        hidden, ids, weights = _rows(hidden, ids, weights)
        total: Tensor = CrossEntropy.apply(  # type: ignore[no-untyped-call]
            hidden, self.weight, self._bias, ids, weights, smoothing, self._needs(hidden)
        )
        return total

    def log_probability(self, hidden: Tensor, ids: Tensor) -> Tensor:
        """log p(ids): hidden (..., width), ids (...) -> (...) float32, differentiable in hidden and
        the head."""
        flat: Tensor = LogProbability.apply(  # type: ignore[no-untyped-call]
            hidden.reshape(-1, hidden.shape[-1]), self.weight, self._bias, ids.reshape(-1)
        )
        return flat.view(ids.shape)

    def entropy(self, hidden: Tensor, weights: Tensor) -> Tensor:
        """Sum of weights x entropy in nats; hidden (..., width), weights (...). Scalar float32."""
        return -self.divergence(hidden, weights)

    def divergence(
        self,
        hidden: Tensor,
        weights: Tensor,
        reference: Head | None = None,
        reference_hidden: Tensor | None = None,
    ) -> Tensor:
        """Sum of weights x KL(p || q) in nats, exact over the vocabulary. Scalar float32.

        p is this head's distribution, q that of another head over its own hidden vectors, without
        gradient. Without a reference it is the sum of p log p, the negative entropy.

        Args:
            hidden: (..., width).
            weights: (...).
            reference: the other head, of the same vocabulary.
            reference_hidden: (..., width of the reference).
        """
        given = hidden[..., :0] if reference_hidden is None else reference_hidden.detach()
        hidden, given, weights = _rows(hidden, given, weights)
        q = None if reference is None else lambda part: reference.logits(given[part])
        total: Tensor = Divergence.apply(  # type: ignore[no-untyped-call]
            hidden, self.weight, self._bias, weights, q, self._needs(hidden)
        )
        return total

    @property
    def _bias(self) -> Tensor:
        return self.weight.new_zeros(len(self.weight)) if self.bias is None else self.bias

    def _needs(self, hidden: Tensor) -> bool:
        """Whether a gradient will be asked for."""
        tensors = (hidden, self.weight, self._bias)
        return torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)


def _rows(hidden: Tensor, other: Tensor, weights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Flatten, and on the CPU leave out tokens of weight 0 (padding): they add neither loss nor
    gradient.

    hidden (..., width) and weights (...); `other` has the axes of the weights, or one more.
    """
    trailing = other.shape[weights.dim() :]
    hidden, other = hidden.reshape(-1, hidden.shape[-1]), other.reshape(weights.numel(), *trailing)
    weights = weights.detach().reshape(-1).to(torch.float32)
    if hidden.is_cuda:  # finding the rows would make the host wait for the device
        return hidden, other, weights
    kept = weights.nonzero().squeeze(-1)
    if len(kept) == len(weights):
        return hidden, other, weights
    return hidden[kept], other[kept], weights[kept]
