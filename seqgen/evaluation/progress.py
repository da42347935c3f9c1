"""How far a long evaluation is, on stderr and nowhere else."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any, TextIO

from tqdm import tqdm

BAR = "{percentage:3.0f}%|{bar}| [{elapsed}<{remaining}] {desc}"


class Progress:
    """A bar where stderr is a terminal, else a line every `seconds`.

    The time left is what the rest would take at the speed so far; it knows that a point may be more
    work than another, but only by estimate.

    Args:
        total: of the costs of all points.
        quiet: say nothing.
        seconds: between two lines.
        stream: where to; None for stderr.
    """

    def __init__(
        self, total: float, quiet: bool = False, seconds: float = 10.0, stream: TextIO | None = None
    ) -> None:
        self.total, self.quiet, self.seconds = total, quiet, seconds
        self.stream = sys.stderr if stream is None else stream
        self.done = 0.0
        self._begun = self._told = time.monotonic()
        self._bar: tqdm[Any] | None = None
        if not quiet and self.stream.isatty():
            self._bar = tqdm(total=total, file=self.stream, dynamic_ncols=True, bar_format=BAR)

    def advance(self, cost: float, what: str) -> None:
        """Take note of what was done."""
        self.done += cost
        now = time.monotonic()
        if self._bar is not None:
            self._bar.set_description_str(what, refresh=False)
            self._bar.update(cost)
        elif not self.quiet and now - self._told >= self.seconds:
            self._told = now
            left = tqdm.format_interval(self.remaining(now - self._begun))
            share = self.done / self.total
            print(f"{share:.0%}, about {left} left, after {what}", file=self.stream, flush=True)

    def remaining(self, spent: float) -> float:
        """Seconds left, after so many."""
        return spent * max(0.0, self.total - self.done) / self.done if self.done else 0.0

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.close()
