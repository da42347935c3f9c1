"""The plan of a training: phases one after the other, some repeated as a group, and who plays in
them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor, nn

from seqgen.methods.protocol import Method
from seqgen.training.player import Player


@dataclass(frozen=True)
class Phase:
    """One method for a number of steps.

    `steps` counts updates of the last player named by the method's turns (of those in `only`, where
    given); the round in which the last one happens is finished. Phases of the same `kind` and
    `group` share the method's state and its counts of updates. `players` replaces players of the
    training: these start afresh when the phase is first entered and carry on when a repeat comes
    back to it. `evaluate_every` counts steps of this phase; an evaluation also ends it.
    """

    method: Method
    steps: int
    kind: str = ""
    group: int = 0
    only: tuple[str, ...] | None = None
    players: Mapping[str, Player] | None = None
    evaluate_every: int | None = None
    name: str = ""

    def __post_init__(self) -> None:
        if self.steps < 0:
            raise ValueError(f"steps {self.steps} of a phase is negative; give 0 or more")
        if self.evaluate_every is not None and self.evaluate_every < 1:
            raise ValueError(f"evaluate_every {self.evaluate_every} must be at least 1, or None")
        object.__setattr__(self, "kind", self.kind or type(self.method).__name__)
        object.__setattr__(self, "name", self.name or self.kind)

    def turns(self, round: int) -> list[str]:
        """The players of a round, in order, without those that `only` leaves out."""
        turns = self.method.turns(round)
        return [name for name in turns if self.only is None or name in self.only]

    @property
    def counted(self) -> str:
        """The player whose updates are the steps: the last to play in round 0."""
        return self.turns(0)[-1]


@dataclass(frozen=True)
class Repeat:
    """Phases gone through `times` times, one after the other."""

    times: int
    phases: Sequence[Phase]


class Visit(NamedTuple):
    """A phase in the order things happen: its number in the plan, the iteration of its group, and
    itself.
    """

    number: int
    iteration: int
    phase: Phase


def visits(plan: Sequence[Phase | Repeat]) -> list[Visit]:
    """All phases in the order they are gone through, repeats written out."""
    found: list[Visit] = []
    number = 0
    for entry in plan:
        phases = entry.phases if isinstance(entry, Repeat) else [entry]
        times = entry.times if isinstance(entry, Repeat) else 1
        found += [
            Visit(number + place, iteration, phase)
            for iteration in range(times)
            for place, phase in enumerate(phases)
        ]
        number += len(phases)
    if not found:
        raise ValueError("there are no phases; give at least one")
    return found


def all_modules(plan: Sequence[Visit]) -> dict[str, nn.Module]:
    """The modules of all methods by name; refuses two modules of one name."""
    modules: dict[str, nn.Module] = {}
    for visit in plan:
        for name, module in visit.phase.method.modules.items():
            if modules.setdefault(name, module) is not module:
                raise ValueError(
                    f"phase {visit.phase.name!r} brings another module named {name!r} than an "
                    "earlier phase; modules of one name must be the same object in all phases"
                )
    return modules


def check(plan: Sequence[Visit], players: Mapping[str, Player]) -> None:
    """Refuse unknown names, parameters outside a player's modules and parameters owned by two
    players.
    """
    owned: dict[str, list[Tensor]] = {}
    known: set[str] = set()
    for visit in plan:
        phase = visit.phase
        mine = {**players, **(phase.players or {})}
        known |= set(phase.method.players)
        _check_names(phase, mine)
        for name in phase.method.players:
            if name in mine:
                _check_owned(phase, name, mine[name], owned)
    unknown = sorted(set(players) - known)
    if unknown:
        raise ValueError(f"no phase has a player named {unknown}; the players are {sorted(known)}")
    _check_apart(owned)


def _check_names(phase: Phase, players: Mapping[str, Player]) -> None:
    roles = set(phase.method.players)
    for what, names in (("only", phase.only or ()), ("players", phase.players or ())):
        unknown = sorted(set(names) - roles)
        if unknown:
            raise ValueError(
                f"phase {phase.name!r}: {what} names {unknown}, but its players are {sorted(roles)}"
            )
    playing = phase.turns(0)
    if not playing:
        raise ValueError(
            f"phase {phase.name!r}: nobody plays in round 0; its method's turns are "
            f"{list(phase.method.turns(0))}, only is {phase.only}"
        )
    missing = sorted(set(playing) - set(players))
    if missing:
        raise ValueError(
            f"phase {phase.name!r}: no optimizer for {missing}; give a Player of that name "
            f"(given: {sorted(players)})"
        )


def _check_owned(phase: Phase, name: str, player: Player, owned: dict[str, list[Tensor]]) -> None:
    names = phase.method.players[name]
    modules = [phase.method.modules[module] for module in names]
    allowed = {id(tensor) for module in modules for tensor in module.parameters()}
    mine = player.parameters
    if any(id(tensor) not in allowed for tensor in mine):
        raise ValueError(
            f"phase {phase.name!r}: player {name!r} has parameters outside its modules "
            f"{list(names)}; an optimizer may hold only parameters of its player's modules"
        )
    earlier = owned.setdefault(name, mine)
    if {id(tensor) for tensor in earlier} != {id(tensor) for tensor in mine}:
        raise ValueError(
            f"phase {phase.name!r}: player {name!r} owns other parameters than in an earlier "
            "phase; a player's parameters are the same in all phases"
        )


def _check_apart(owned: Mapping[str, Sequence[Tensor]]) -> None:
    owner: dict[int, str] = {}
    for name, tensors in owned.items():
        for tensor in tensors:
            other = owner.setdefault(id(tensor), name)
            if other != name:
                raise ValueError(
                    f"a parameter of shape {tuple(tensor.shape)} belongs to both players {other!r} "
                    f"and {name!r}; each parameter has one owner"
                )
