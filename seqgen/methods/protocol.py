"""What a training method is: networks, turns and losses. The Trainer knows methods only through
this file.

A method knows no optimizer, no file, no device rank and no loop. The Trainer asks whose turn it is,
hands over a batch and gets the terms of a loss back; it divides each term by its weight, summed
over micro-batches and processes, and updates the parameters of that one player.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from torch import Tensor, nn

from seqgen.randomness import Stream


class Term(NamedTuple):
    """One part of a loss, kept as a sum so that it can be averaged exactly over unequal
    micro-batches and processes.

    The term's contribution to the loss is ``factor * total / weight`` with total and weight summed
    over all of them.
    """

    total: Tensor  # scalar: a sum over `weight` tokens, sentences, ...
    weight: Tensor | float  # how many it sums over; carries no gradient
    factor: float = 1.0


@dataclass(frozen=True)
class Loss:
    """The named terms of a player's loss, and numbers for the log that are not optimised (same sum
    and weight form)."""

    terms: Mapping[str, Term]
    numbers: Mapping[str, Term] = field(default_factory=dict)


class Moment(NamedTuple):
    """What a loss may depend on besides the batch.

    `updates` counts the updates of this player in this (method kind, group), which is what
    schedules follow; `stream` gives the random numbers of this update and must be used through the
    batch's global row numbers.
    """

    round: int
    updates: int
    stream: Stream


class Method(Protocol):
    """A training method. `loss` changes no state; `begin` and `stepped` are where state moves."""

    @property
    def modules(self) -> Mapping[str, nn.Module]:
        """The networks by name ("generator", "discriminator"): the names are those of the weight
        files."""

    @property
    def players(self) -> Mapping[str, Sequence[str]]:
        """Who plays: a player's name and the names of the modules whose parameters it owns."""

    def turns(self, round: int) -> Sequence[str]:
        """The players to update in this round, in order; a name may repeat."""

    def begin(self, player: str, moment: Moment) -> None:
        """Called once at the start of a turn, before the batch is seen: fill a buffer, freeze the
        old policy."""

    def loss(self, player: str, batch: Any, moment: Moment) -> Loss | None:
        """The loss of a player on one micro-batch; None skips the micro-batch (a zero loss does
        not: Adam still moves)."""

    def stepped(self, player: str, moment: Moment, parts: Mapping[str, float]) -> None:
        """Called once after an update that happened; `parts` are the averaged terms and numbers of
        that update."""

    def state_dict(self) -> dict[str, Any]:
        """What must be saved besides the modules: running baselines, buffers, frozen copies
        (tensors and plain values)."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` gave."""


class Stateless:
    """The do-nothing half of a method, for methods without state of their own and with one player
    named by its module."""

    modules: Mapping[str, nn.Module]

    @property
    def players(self) -> Mapping[str, Sequence[str]]:
        """Every module is a player of its own."""
        return {name: (name,) for name in self.modules}

    def turns(self, round: int) -> Sequence[str]:
        """Each player once."""
        return tuple(self.modules)

    def begin(self, player: str, moment: Moment) -> None:
        """Nothing to prepare."""

    def stepped(self, player: str, moment: Moment, parts: Mapping[str, float]) -> None:
        """Nothing to move."""

    def state_dict(self) -> dict[str, Any]:
        """No state."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """No state."""
