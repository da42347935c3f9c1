"""A plan and where one stands in it."""

from __future__ import annotations

from collections.abc import Sequence

from seqgen.methods.protocol import Moment
from seqgen.randomness import Stream
from seqgen.training.phases import Phase, Visit
from seqgen.training.position import Position, updates_key


class Course:
    """All visits of phases in order and the position among them; it counts, and nothing else."""

    def __init__(self, plan: Sequence[Visit]) -> None:
        self.plan = list(plan)
        self.position = Position()

    @property
    def visit(self) -> Visit:
        """The visit of a phase that is going on."""
        return self.plan[self.position.visit]

    @property
    def phase(self) -> Phase:
        """The phase that is going on."""
        return self.visit.phase

    @property
    def state_key(self) -> str:
        """Whose state the present method holds: its kind and group."""
        return f"{self.phase.kind}/{self.phase.group}"

    @property
    def round(self) -> int:
        """The number of the present round, counted for its phase over all iterations of a group."""
        return self.position.phase_rounds.get(self.visit.number, 0)

    @property
    def steps_done(self) -> bool:
        """Whether the phase has had its steps."""
        return self.position.steps >= self.phase.steps

    @property
    def in_last_phase(self) -> bool:
        """Whether nothing comes after this phase."""
        return self.position.visit == len(self.plan) - 1

    def enter(self, number: int) -> bool:
        """Go to visit `number`; False where that is where one stands already."""
        position = self.position
        if number == position.visit:
            return False
        position.visit, position.round, position.steps = number, 0, 0
        return True

    def moment(self, seed: int, player: str, turn: int) -> Moment:
        """What a player may know of its turn: a pure function of the position."""
        position, (number, iteration, phase) = self.position, self.visit
        updates = position.updates.get(updates_key(phase.kind, phase.group, player), 0)
        stream = Stream.of(seed, "update", number, iteration, position.round, turn)
        return Moment(self.round, updates, stream)

    def count_update(self, player: str, moment: Moment) -> None:
        """An update of `player` has happened."""
        position, phase = self.position, self.phase
        position.updates[updates_key(phase.kind, phase.group, player)] = moment.updates + 1
        position.total_updates += 1
        if player == phase.counted:
            position.steps += 1
            position.total_steps += 1

    def close_round(self) -> None:
        """A round has ended."""
        position = self.position
        position.phase_rounds[self.visit.number] = self.round + 1
        position.round += 1
        position.total_rounds += 1
