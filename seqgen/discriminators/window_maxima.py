"""The largest answer of a convolution over the windows of a sentence, with a backward pass that
looks at the winning windows only."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import conv1d, embedding_bag, linear, pad


def largest_windows(vectors: Tensor, lengths: Tensor, weight: Tensor) -> Tensor:
    """The maximum of a convolution without bias over the windows of each row: (rows, channels).

    The windows of a row start at 0 ... max(length - size, 0); beyond its length the vectors must
    be zero. Of equal windows the first one gets the gradient. All derivatives exist.

    Args:
        vectors: (rows, time, width), zero from each row's length on.
        lengths: (rows,) int64, at least 1.
        weight: (channels, size, width).
    """
    size = weight.shape[1]
    vectors = pad(vectors, (0, 0, 0, max(size - vectors.shape[1], 0)))
    last = (lengths - size).clamp(min=0)
    device = vectors.device.type
    if device == "cpu" and not torch.is_autocast_enabled(device):
        found: Tensor = _Winners.apply(vectors, weight, last)  # type: ignore[no-untyped-call]
        return found
    if device == "cuda":
        return _convolved(vectors, weight, last)
    return _plain(vectors, weight, last)


def _convolved(vectors: Tensor, weight: Tensor, last: Tensor) -> Tensor:
    """`largest_windows` in few kernels, which is what counts on a GPU; in TF32 where torch's
    convolutions are."""
    answers = conv1d(vectors.transpose(1, 2), weight.transpose(1, 2))
    beyond = _beyond(answers.transpose(1, 2), last).transpose(1, 2)
    if not answers.requires_grad:
        return answers.masked_fill_(beyond, -torch.inf).amax(2)
    return answers.masked_fill(beyond, -torch.inf).max(2).values


def _plain(vectors: Tensor, weight: Tensor, last: Tensor) -> Tensor:
    """`largest_windows` in operations that know all their derivatives."""
    answers = linear(_windows(vectors, weight.shape[1]), weight.flatten(1))
    answers = answers.masked_fill(_beyond(answers, last), -torch.inf)
    with torch.no_grad():
        first = _first(answers, answers.amax(1))
    return answers.gather(1, first.unsqueeze(1)).squeeze(1)


def _windows(vectors: Tensor, size: int) -> Tensor:
    """(rows, time, width) -> (rows, windows, size * width), the vectors of a window in a row."""
    return vectors.unfold(1, size, 1).transpose(2, 3).flatten(2)


def _beyond(answers: Tensor, last: Tensor) -> Tensor:
    """Which of the answers (rows, windows, channels) come after the last window: (rows, windows,
    1)."""
    places = torch.arange(answers.shape[1], device=answers.device)
    return (places > last[:, None]).unsqueeze(2)


def _first(answers: Tensor, largest: Tensor) -> Tensor:
    """The first window that has the largest answer: (rows, channels) int64."""
    # max with indices is ten times slower than amax and this on a CPU.
    count = answers.shape[1]
    places = torch.arange(count, dtype=torch.int32, device=answers.device)[:, None]
    # The clamp is for a row of NaN, which equals nothing.
    found = torch.where(answers == largest.unsqueeze(1), places, count).amin(1)
    return found.clamp_(max=count - 1).long()


class _Winners(torch.autograd.Function):
    """`_plain` with a sparse backward pass: of all windows only one per row and channel has a
    gradient, so the two products of the backward pass are weighted sums of few rows."""

    @staticmethod
    def forward(ctx: Any, vectors: Tensor, weight: Tensor, last: Tensor) -> Tensor:
        """Arguments of `_plain`, detached."""
        answers = linear(_windows(vectors, weight.shape[1]), weight.flatten(1))
        if bool((last < answers.shape[1] - 1).any()):
            answers.masked_fill_(_beyond(answers, last), -torch.inf)
        largest = answers.amax(1)
        if any(ctx.needs_input_grad):
            ctx.save_for_backward(vectors, weight, last, _first(answers, largest))
        return largest

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        """Gradients of the vectors and of the weight."""
        (gradient,) = gradients
        vectors, weight, last, first = ctx.saved_tensors
        wanted = ctx.needs_input_grad[:2]
        if torch.is_grad_enabled():  # a derivative of this gradient will be asked for
            return (*_differentiable(vectors, weight, last, gradient, wanted), None)
        rows, count = len(vectors), vectors.shape[1] - weight.shape[1] + 1
        # The winning windows, numbered over the whole batch.
        winners = first + torch.arange(rows, device=first.device)[:, None] * count
        to_vectors = to_weight = None
        if wanted[0]:
            to_vectors = _to_vectors(gradient, winners, weight, vectors.shape[1])
        if wanted[1]:
            windows = _windows(vectors, weight.shape[1]).flatten(0, 1)
            shares = gradient.t().contiguous()
            chosen = winners.t().contiguous()
            to_weight = embedding_bag(chosen, windows, mode="sum", per_sample_weights=shares)
            to_weight = to_weight.view_as(weight)
        return to_vectors, to_weight, None


def _differentiable(
    vectors: Tensor, weight: Tensor, last: Tensor, gradient: Tensor, wanted: tuple[bool, bool]
) -> tuple[Tensor | None, Tensor | None]:
    """The same gradients, themselves with a graph."""
    inputs = [vectors, weight]
    asked = [one for one, want in zip(inputs, wanted, strict=True) if want]
    found = iter(
        torch.autograd.grad(_plain(vectors, weight, last), asked, gradient, create_graph=True)
    )
    to_vectors, to_weight = (next(found) if want else None for want in wanted)
    return to_vectors, to_weight


def _to_vectors(gradient: Tensor, winners: Tensor, weight: Tensor, time: int) -> Tensor:
    """The gradient of the vectors, (rows, time, width)."""
    (rows, channels), size = gradient.shape, weight.shape[1]
    count = time - size + 1
    order = torch.argsort(winners.flatten())
    sizes = torch.bincount(winners.flatten(), minlength=rows * count)
    windows = embedding_bag(
        order % channels,
        weight.flatten(1),
        sizes.cumsum(0) - sizes,
        mode="sum",
        per_sample_weights=gradient.flatten()[order],
    ).view(rows, count, size, -1)
    found = gradient.new_zeros(rows, time, windows.shape[3])
    for offset in range(size):
        found[:, offset : offset + count] += windows[:, :, offset]
    return found
