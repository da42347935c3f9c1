"""What keeps a discriminator smooth: weight clipping, gradient penalties, spectral norm.

Nothing here knows what is scored: a penalty takes points (rows, ...) and a function that scores
them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.utils import parametrizations, parametrize

from seqgen.kernels import plain_recurrence
from seqgen.methods.protocol import Term

Centre = Literal["two-sided", "one-sided", "zero-centred"]
_CONSTRAINED = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


@torch.no_grad()
def clip_weights(parameters: Iterable[Tensor], bound: float) -> None:
    """Clip every entry to [-bound, bound], in place (Arjovsky et al., "Wasserstein GAN", 2017,
    arXiv 1701.07875).

    Raises:
        ValueError: the bound is not above 0.
    """
    if not bound > 0:
        raise ValueError(f"weight clipping to {bound}: the bound must be above 0")
    for parameter in parameters:
        parameter.clamp_(-bound, bound)


def interpolate(real: Tensor, fake: Tensor, shares: Tensor) -> Tensor:
    """Points between real and fake ones, (rows, ...): `shares` (rows,) of the real ones, the rest
    of the fake ones; no gradient flows back."""
    if real.shape != fake.shape:
        raise ValueError(
            f"real points {tuple(real.shape)} and fake points {tuple(fake.shape)} must have the "
            "same shape to be mixed"
        )
    shares = shares.view(-1, *[1] * (real.dim() - 1))
    return torch.lerp(fake.detach(), real.detach(), shares.to(fake.dtype))


def gradient_penalty(
    score: Callable[[Tensor], Tensor], points: Tensor, kind: Centre = "two-sided"
) -> Term:
    """How far the gradient of a score at its own point is from what it should be, summed over rows.

    The Euclidean norm n of a row's gradient, over all axes but rows, costs (n - 1)^2 "two-sided"
    (Gulrajani et al., "Improved Training of Wasserstein GANs", 2017, arXiv 1704.00028), max(0, n -
    1)^2 "one-sided" (Petzka et al., 2017, arXiv 1709.08894), n^2 "zero-centred" (Mescheder et al.,
    "Which Training Methods for GANs do actually Converge?", 2018, arXiv 1801.04406: at real points
    it is their R1, whose gamma is twice the factor here).

    Args:
        score: points (rows, ...) -> scores (rows, ...). A row's scores are added up, and must
            depend on that row's point alone: batch normalisation breaks this.
        points: (rows, ...), where to look; the graph behind them is left alone.
        kind: what the norm should be.

    Raises:
        ValueError: the kind is unknown.
    """
    if kind not in get_args(Centre):
        raise ValueError(f"penalty {kind!r} is unknown; allowed are {list(get_args(Centre))}")
    dtype = torch.promote_types(points.dtype, torch.float32)
    points = points.detach().to(dtype).requires_grad_()
    with twice_differentiable(points.device.type):
        total = score(points).sum()
        (gradient,) = torch.autograd.grad(total, points, create_graph=True)
    squares = gradient.flatten(1).square().sum(1)
    return Term(_cost(squares, kind).sum(), float(len(points)))


def _cost(squares: Tensor, kind: Centre) -> Tensor:
    """The cost of squared norms (rows,)."""
    if kind == "zero-centred":
        return squares
    # The root has no derivative at 0; a row whose gradient vanishes is left where it is.
    there = squares > 0
    norms = torch.where(there, torch.where(there, squares, 1.0).sqrt(), 0.0)
    excess = norms - 1
    return (excess.relu() if kind == "one-sided" else excess).square()


@contextmanager
def twice_differentiable(device: str) -> Iterator[None]:
    """Kernels whose gradient has a gradient, in float32: recurrent layers without cuDNN, attention
    by plain matrix products, no autocast."""
    with (
        torch.enable_grad(),
        torch.autocast(device, enabled=False),
        plain_recurrence(True),
        sdpa_kernel(SDPBackend.MATH),
    ):
        yield


def add_spectral_norm(module: nn.Module) -> None:
    """Divide the weights of linear and convolutional layers by their largest singular value (Miyato
    et al., "Spectral Normalization for Generative Adversarial Networks", 2018, arXiv 1802.05957).

    Lists of filters, each (channels, ...), count as convolutional layers. Embeddings and recurrent
    layers are left alone. torch's own parametrization keeps the estimate; `hold_spectral_norm` says
    when it moves.

    Raises:
        ValueError: there is no such layer, or they are normalised already.
    """
    weights = list(_weights(module))
    if not weights:
        raise ValueError(
            f"{type(module).__name__} has no linear or convolutional layer that spectral norm "
            "could act on"
        )
    if any(parametrize.is_parametrized(layer, name) for layer, name in weights):
        raise ValueError(f"the layers of {type(module).__name__} are normalised already")
    for layer, name in weights:
        parametrizations.spectral_norm(layer, name)


def _weights(module: nn.Module) -> Iterator[tuple[nn.Module, str]]:
    """The layers whose weights are constrained, and the weights' names in them."""
    for part in module.modules():
        if isinstance(part, _CONSTRAINED):
            yield part, "weight"
        elif isinstance(part, nn.ParameterList):
            names = [name for name, weight in part.named_parameters(recurse=False)]
            yield from ((part, name) for name in names if getattr(part, name).dim() > 1)


def hold_spectral_norm(module: nn.Module) -> None:
    """Improve the estimate of the largest singular values once, then keep it as it is until
    `module.train()` is called again.

    torch's parametrization improves it whenever a weight is read in training mode, which makes a
    loss change with the number of micro-batches. Nothing happens to a module without spectral norm.
    """
    held = [part for part in module.modules() if parametrize.is_parametrized(part)]
    with torch.no_grad():
        for layer in held:
            made = layer.get_submodule("parametrizations")
            for name, parametrization in made.named_children():
                getattr(layer, name)  # reading it improves the estimate
                parametrization.eval()
