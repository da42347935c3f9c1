"""Where a training stands, and what it counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class Position:
    """The path of (visit, round) and all counts, saved with every checkpoint.

    `steps` and `rounds` count within the present visit of a phase; the totals over the whole
    training. `phase_rounds` counts the rounds of each phase of the plan over all iterations of its
    group, `updates` those of each player in each (kind, group).
    """

    visit: int = 0
    round: int = 0
    steps: int = 0
    total_steps: int = 0
    total_rounds: int = 0
    total_updates: int = 0
    phase_rounds: dict[int, int] = field(default_factory=dict)
    updates: dict[str, int] = field(default_factory=dict)

    def state_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Position:
        """The position that `state_dict` gave."""
        return cls(**dict(state))


def updates_key(kind: str, group: int, player: str) -> str:
    """The name under which a player's updates are counted: per method kind and group."""
    return f"{kind}/{group}/{player}"
