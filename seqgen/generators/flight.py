"""The rows that are in flight while prefixes are completed."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from seqgen.generators.prefixes import Part
from seqgen.generators.steps import DROPPED_AT, FEWEST_ROWS, asks


class Move(NamedTuple):
    """How the pool goes on after a step.

    Copies of a prefix have the same next-token distribution, so it is made once for all of them.

    Attributes:
        heads: (some,) int64, rows of the pool whose distributions are needed; at least 64.
        owners: (completions,) int64, ascending: the head whose distribution a completion draws
            from.
        rows: (pool,) int64, the rows to go on with: sentences, then completions.
    """

    heads: Tensor
    owners: Tensor
    rows: Tensor


class Flight:
    """The rows in flight: first sentences that will be forked again, then completions.

    Args:
        part: what is completed.
        device: of the tensors.
        static: drop no row, so that the shapes do not depend on what is drawn.

    Attributes:
        trunk: how many sentences.
        slots: (completions,) int64; rows that only fill the pool have the slot behind the last.
        live: (completions,) bool, False where a row has ended or only fills the pool.
        finished: whether nothing will be drawn any more.
    """

    def __init__(self, part: Part, device: torch.device, static: bool = False) -> None:
        self._part, self._place, self._born = part, 0, 0
        self._static = static
        self.trunk, self.finished = len(part.rows), False
        self.slots = torch.full((FEWEST_ROWS,), part.slots, device=device)
        self.live = torch.zeros(FEWEST_ROWS, dtype=torch.bool, device=device)

    def move(self, step: int) -> Move | None:
        """Fork the prefixes of `step` tokens and drop the rows that are no longer needed.

        None leaves the pool as it is.
        """
        forks, trunk = self._forks(step), self._going_on()
        alive = torch.arange(len(self.live), device=self.live.device)
        if not self._static and asks(step, self.live.device):
            alive = alive[self.live]
        same = not forks and trunk == self.trunk
        self.finished = not len(alive) and not forks and not trunk
        if self.finished or (same and len(alive) > DROPPED_AT * len(self.live)):
            return None
        return self._moved(alive, forks, trunk)

    def _forks(self, step: int) -> int:
        """How many sentences, the first, have a prefix of so many tokens to complete."""
        part, place = self._part, self._place
        if place == len(part.counts) or part.prefixes[place] != step:
            return 0
        self._place += 1
        return part.counts[place]

    def _going_on(self) -> int:
        """How many sentences, the first, have longer prefixes to complete."""
        counts = self._part.counts
        return counts[self._place] if self._place < len(counts) else 0

    def _moved(self, alive: Tensor, forks: int, trunk: int) -> Move:
        copies, device = len(self._part.copies), alive.device
        fill = alive.new_zeros(max(FEWEST_ROWS - len(alive) - forks, 0))
        old = len(alive) + len(fill)
        new = torch.arange(forks * copies, device=device)
        heads = torch.cat((alive + self.trunk, fill, torch.arange(forks, device=device)))
        owners = torch.cat(
            (torch.arange(old, device=device), new.div(copies, rounding_mode="floor") + old)
        )
        rows = torch.cat((torch.arange(trunk, device=device), heads[owners]))
        self.slots = torch.cat((self.slots[alive], fill + self._part.slots, new + self._born))
        self.live = torch.cat((self.live[alive], fill > 0, new >= 0))
        self.trunk, self._born = trunk, self._born + len(new)
        return Move(heads, owners, rows)
