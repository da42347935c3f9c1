"""A player's parameters are the same in all phases, also in those that do not train them all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from seqgen.methods.protocol import Loss, Method, Moment


class WithBaseline:
    """A method whose generator's player owns the network of a learned baseline too, which this
    method leaves as it is: a later phase trains it.

    Args:
        method: the method.
        baseline: the network.
    """

    def __init__(self, method: Method, baseline: nn.Module) -> None:
        self.method, self.baseline = method, baseline

    @property
    def modules(self) -> Mapping[str, nn.Module]:
        """The method's, and "baseline"."""
        return {**self.method.modules, "baseline": self.baseline}

    @property
    def players(self) -> Mapping[str, Sequence[str]]:
        """The generator's player has the baseline besides."""
        players = dict(self.method.players)
        return {**players, "generator": (*players["generator"], "baseline")}

    def turns(self, round: int) -> Sequence[str]:
        """The method's."""
        return self.method.turns(round)

    def begin(self, player: str, moment: Moment) -> None:
        """The method's."""
        self.method.begin(player, moment)

    def loss(self, player: str, batch: Any, moment: Moment) -> Loss | None:
        """The method's."""
        return self.method.loss(player, batch, moment)

    def stepped(self, player: str, moment: Moment, parts: Mapping[str, float]) -> None:
        """The method's."""
        self.method.stepped(player, moment, parts)

    def state_dict(self) -> dict[str, Any]:
        """The method's."""
        return self.method.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The method's."""
        self.method.load_state_dict(state)
