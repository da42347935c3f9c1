"""How far a training is and how long it will take, on stderr and nowhere else."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import Any, TextIO

from tqdm import tqdm

from seqgen.training.phases import Visit
from seqgen.training.position import Position


class Progress:
    """A bar over the steps of all phases; a plain line every `seconds` where stderr is no terminal.

    Phases differ in speed, so the time left is counted phase by phase with the seconds a step of it
    has taken; while the speed of a later phase is unknown, the sum is given as a lower bound (">
    3:20").
    """

    def __init__(
        self,
        plan: Sequence[Visit],
        position: Position,
        quiet: bool = False,
        seconds: float = 10.0,
        stream: TextIO | None = None,
    ) -> None:
        self.plan, self.seconds = plan, seconds
        self.stream = sys.stderr if stream is None else stream
        self._spent: dict[int, float] = {}
        self._done: dict[int, int] = {}
        self._last = self._told = time.monotonic()
        self._steps = position.total_steps
        self._quiet = quiet
        self._bar: tqdm[Any] | None = None
        if not quiet and self.stream.isatty():
            self._bar = tqdm(
                total=self._total(position),
                initial=position.total_steps,
                file=self.stream,
                dynamic_ncols=True,
                bar_format="{percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}, {postfix}]",
            )

    def advance(self, position: Position) -> None:
        """Take note of a finished round."""
        now = time.monotonic()
        number = self.plan[position.visit].number
        moved = position.total_steps - self._steps
        self._spent[number] = self._spent.get(number, 0.0) + now - self._last
        self._done[number] = self._done.get(number, 0) + moved
        self._last, self._steps = now, position.total_steps
        if self._bar is not None:
            # update() redraws by itself when it is time to; the words are only made then.
            if now - self._told >= 0.5:
                self._told = now
                self._bar.set_postfix_str(self._words(position), refresh=False)
            self._bar.total = self._total(position)
            self._bar.update(moved)
        elif not self._quiet and now - self._told >= self.seconds:
            self._told = now
            done = f"step {position.total_steps} of {self._total(position)}"
            print(f"{done}, {self._words(position)}", file=self.stream, flush=True)

    def say(self, text: str) -> None:
        """Print a line without tearing the bar."""
        if self._bar is not None:
            self._bar.write(text, file=self.stream)
        else:
            print(text, file=self.stream, flush=True)

    def remaining(self, position: Position) -> tuple[float | None, bool]:
        """Seconds left, and whether all phases to come are in them; None before the first step was
        measured.
        """
        known, whole = 0.0, True
        for place in range(position.visit, len(self.plan)):
            visit = self.plan[place]
            left = self._left(place, position)
            done = self._done.get(visit.number, 0)
            if left > 0 and not done:
                if place == position.visit:
                    return None, False
                whole = False
            elif left > 0:
                known += left * self._spent[visit.number] / done
        return known, whole

    def close(self) -> None:
        """Finish the bar's line."""
        if self._bar is not None:
            self._bar.close()

    def _left(self, place: int, position: Position) -> int:
        steps = self.plan[place].phase.steps
        return max(0, steps - position.steps) if place == position.visit else steps

    def _total(self, position: Position) -> int:
        # Counted anew: a phase may end early, or go on to the end of its last round.
        places = range(position.visit, len(self.plan))
        return position.total_steps + sum(self._left(place, position) for place in places)

    def _words(self, position: Position) -> str:
        seconds, whole = self.remaining(position)
        name = self.plan[position.visit].phase.name
        if seconds is None:
            return f"{name}, time left unknown"
        return f"{name}, {'' if whole else '> '}{tqdm.format_interval(seconds)} left"
