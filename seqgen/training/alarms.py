"""Warnings while a training goes on: its figures say that adversarial training has gone wrong.

They know figures by name only (PLAYER/accuracy, PLAYER/reward-deviation, PLAYER/entropy), so any
method that measures these has them. The figures are means since the last line of the journal.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from seqgen.alarm_limits import (
    ALWAYS_RIGHT,
    CHANCE,
    ENTROPY_LEFT,
    LAST_LINES,
    REWARD_SPREAD,
    always_right,
    guesses,
    rewards_alike,
)

WATCHED = ("accuracy", "reward-deviation", "entropy")


@dataclass
class _Seen:
    """What is remembered of a phase: the first and the last values of a figure, and what was told
    already."""

    first: dict[str, float] = field(default_factory=dict)
    last: dict[str, list[float]] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)


class Alarms:
    """Watches the averaged figures of phases; each warning comes once a phase, however often a
    group repeats it."""

    def __init__(self) -> None:
        self._phases: dict[int, _Seen] = {}

    def hear(self, phase: int, figures: Mapping[str, float], contest: bool = True) -> list[str]:
        """The warnings that a line of the journal gives rise to, each in words.

        Args:
            phase: its number in the plan.
            figures: means since the line before, by "player/figure".
            contest: whether players play against each other; a player alone may be always right.
        """
        seen = self._phases.setdefault(phase, _Seen())
        found: list[str] = []
        for name, value in figures.items():
            player, _, figure = name.rpartition("/")
            ignored = not player or figure not in WATCHED or not math.isfinite(value)
            if ignored or (figure == "accuracy" and not contest):
                continue
            seen.first.setdefault(name, value)
            seen.last[name] = [*seen.last.get(name, []), value][-LAST_LINES:]
            for kind, text in _wrong(player, figure, seen.first[name], seen.last[name]):
                if f"{name} {kind}" not in seen.told:
                    seen.told.append(f"{name} {kind}")
                    found.append(text)
        return found

    def state_dict(self) -> dict[str, Any]:
        """Plain values, so that a resumed training warns as one that was not stopped."""
        return {str(phase): asdict(seen) for phase, seen in self._phases.items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` gave."""
        self._phases = {int(phase): _Seen(**seen) for phase, seen in state.items()}


def _wrong(player: str, figure: str, first: float, last: list[float]) -> Iterator[tuple[str, str]]:
    """What is wrong with a figure: a word for it, and a warning."""
    if figure == "entropy":
        yield from _entropy(player, first, last[-1])
    elif len(last) == LAST_LINES:
        yield from (_accuracy if figure == "accuracy" else _rewards)(player, last)


def _accuracy(player: str, last: list[float]) -> Iterator[tuple[str, str]]:
    over = f"over the last {len(last)} lines of the journal"
    if min(last) >= ALWAYS_RIGHT:
        yield (
            "right",
            f"{always_right(player)}: accuracy {min(last):.1%} or more {over} (from "
            f"{ALWAYS_RIGHT:.1%} on), so the other player can learn little from it; make it "
            "weaker, slower or regularised",
        )
    elif max(abs(value - 0.5) for value in last) < CHANCE:
        yield (
            "guessing",
            f"{guesses(player)}: accuracy {min(last):.1%} to {max(last):.1%} {over} (within "
            f"{CHANCE:.0%} of 50 %); either nothing tells fake from real, or, far more often, it "
            "has not learned: train it longer, or make it stronger",
        )


def _rewards(player: str, last: list[float]) -> Iterator[tuple[str, str]]:
    if max(last) < REWARD_SPREAD:
        yield (
            "alike",
            f"{rewards_alike(f'{player}/reward-deviation')} is at most {max(last):.2g} over "
            f"the last {len(last)} lines of the journal (below {REWARD_SPREAD:g}), so the rewards "
            "call nothing better than anything else; another reward of the score, or a weaker "
            "discriminator, may spread them",
        )


def _entropy(player: str, first: float, now: float) -> Iterator[tuple[str, str]]:
    if first > 0 and now < ENTROPY_LEFT * first:
        yield (
            "collapsed",
            f"entropy collapse: {player}/entropy fell to {now:.3g} nats from {first:.3g} at the "
            f"beginning of the phase (below {ENTROPY_LEFT:.0%} of it), so it writes ever the same; "
            "a lower rate, an entropy bonus or an anchor holds it back",
        )
