"""An exponential moving average of the weights: to evaluate and generate with, never to train."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class Average:
    """average <- d average + (1 - d) weights after each update, with d = min(decay, (1 + n) / (10 +
    n)) at update n.

    The smaller d of the first updates lets the average leave the initial weights behind (as in
    Polyak averaging, an even mean of a short past). Parameters that nobody trains, and buffers, are
    the live ones.
    """

    def __init__(self, modules: Mapping[str, nn.Module], decay: float) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"average {decay} must be at least 0 and below 1, such as 0.999")
        self.modules, self.decay = modules, decay
        self.counts: dict[str, int] = {}
        self._kept: dict[Tensor, Tensor] = {}
        self.reset()

    def reset(self) -> None:
        """Start from the present weights."""
        self.counts = {}
        everything = [p for module in self.modules.values() for p in module.parameters()]
        trained = [p for p in everything if p.requires_grad and p.is_floating_point()]
        self._kept = {p: p.detach().clone() for p in trained}

    @torch.no_grad()
    def update(self, player: str, parameters: Sequence[Tensor]) -> None:
        """Move the averages of the parameters that `player` has just updated."""
        count = self.counts.get(player, 0)
        self.counts[player] = count + 1
        weight = 1 - min(self.decay, (1 + count) / (10 + count))
        mine = [parameter for parameter in parameters if parameter in self._kept]
        torch._foreach_lerp_([self._kept[p] for p in mine], [p.detach() for p in mine], weight)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Inside, the modules hold the averaged weights; afterwards their own, bit for bit."""
        live = {parameter: parameter.detach().clone() for parameter in self._kept}
        _copy(self._kept)
        try:
            yield
        finally:
            _copy(live)

    @torch.no_grad()
    def take_from_modules(self) -> None:
        """Take the modules' present weights as the averages (after loading averaged weight files
        into them).
        """
        for parameter, kept in self._kept.items():
            kept.copy_(parameter)


@torch.no_grad()
def _copy(values: Mapping[Tensor, Tensor]) -> None:
    for parameter, value in values.items():
        parameter.data.copy_(value)
