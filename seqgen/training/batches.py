"""An endless, seekable stream of batches: global batch i is a pure function of (seed, i), so
resuming is an integer.
"""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor

from seqgen.randomness import Stream


class Rows(Protocol):
    """A corpus: a number of rows that can be picked by index."""

    def __len__(self) -> int:
        """How many rows there are."""

    def select(self, indices: Tensor, rows: Tensor) -> Any:
        """The batch of rows `indices` (rows,) int64, carrying the global row numbers `rows` (rows,)
        int64.
        """


class Endless:
    """Numbers 0..count-1 in a new seeded order every epoch, for ever; positions are looked up,
    never replayed.

    Only the orders last used are kept (int32: 40 MB for ten million rows).
    """

    def __init__(self, count: int, seed: int, *path: str | int) -> None:
        self.count = count
        self.stream = Stream.of(seed, "order", *path)
        self._orders: dict[int, Tensor] = {}

    def at(self, positions: Tensor) -> Tensor:
        """The numbers at `positions` (rows,) int64 ascending, as int64 (rows,)."""
        epochs = positions // self.count
        parts = [
            self._order(int(epoch))[positions[epochs == epoch] % self.count]
            for epoch in torch.unique(epochs)
        ]
        return torch.cat(parts).to(torch.int64)

    def _order(self, epoch: int) -> Tensor:
        if epoch not in self._orders:
            while len(self._orders) > 1:
                del self._orders[next(iter(self._orders))]
            generator = self.stream.child(epoch).generator()
            dtype = torch.int32 if self.count < 2**31 else torch.int64
            self._orders[epoch] = torch.randperm(self.count, generator=generator, dtype=dtype)
        return self._orders[epoch]


class Batches:
    """The micro-batches of this process, batch after batch.

    Global batch i covers positions i*size .. (i+1)*size-1 of the endless concatenation of shuffled
    epochs, so nothing is dropped and a corpus smaller than a batch works. Process r takes the
    batch's rows r, r+world, ...; its micro-batch m takes every accumulation-th of those from m on.
    With `by_label` every micro-batch holds equally many rows of each label in `data.labels`, and
    each label's rows are reshuffled at their own end.

    Raises:
        ValueError: no rows, or a `size` that gives some micro-batch no row (with `by_label`:
            unequal labels).
    """

    def __init__(
        self,
        data: Rows,
        size: int,
        seed: int = 0,
        accumulation: int = 1,
        rank: int = 0,
        world: int = 1,
        by_label: bool = False,
        device: torch.device | str | None = None,
    ) -> None:
        self.data, self.size, self.seed = data, size, seed
        self.accumulation, self.rank, self.world = accumulation, rank, world
        self.by_label, self.device = by_label, device
        self.position = 0
        self._check()
        self._members = _rows_by_label(data) if by_label else []
        if by_label:
            self._check_labels()
        counts = [len(members) for members in self._members] or [len(data)]
        self._streams = [Endless(count, seed, number) for number, count in enumerate(counts)]

    def seek(self, position: int) -> None:
        """Go to global batch `position`; costs nothing."""
        if position < 0:
            raise ValueError(f"batch position {position} is negative; positions count from 0")
        self.position = position

    def take(self) -> list[Any]:
        """This process's micro-batches of global batch `position`, which then moves on by one."""
        mine = torch.arange(self.rank, self.size, self.world)
        indices = self._indices(self.position)
        parts = [mine[start :: self.accumulation] for start in range(self.accumulation)]
        self.position += 1
        return [self._placed(self.data.select(indices[rows], rows)) for rows in parts]

    def describe(self) -> dict[str, int | bool]:
        """What must be the same for a position to mean the same rows; checked when a run is
        resumed.
        """
        return {
            "batch": self.size,
            "seed": self.seed,
            "rows": len(self.data),
            "accumulation": self.accumulation,
            "processes": self.world,
            "by_label": self.by_label,
        }

    def _indices(self, position: int) -> Tensor:
        # Label after label, whatever the number of processes: a row keeps its number, and so its
        # random numbers.
        share = self.size // len(self._streams)
        positions = torch.arange(position * share, (position + 1) * share)
        found = [stream.at(positions) for stream in self._streams]
        if self.by_label:
            found = [members[rows] for members, rows in zip(self._members, found, strict=True)]
        return torch.cat(found)

    def _placed(self, batch: Any) -> Any:
        return batch if self.device is None else batch.to(self.device)

    def _check(self) -> None:
        if len(self.data) == 0:
            raise ValueError("the corpus has 0 rows; at least one is needed to make a batch")
        if self.accumulation < 1 or not 0 <= self.rank < self.world:
            raise ValueError(
                f"accumulation {self.accumulation} must be at least 1, and process {self.rank} "
                f"must be one of 0 .. {self.world - 1}"
            )
        least = self.world * self.accumulation
        if self.size < least:
            raise ValueError(
                f"batch size {self.size} is smaller than processes x accumulation: "
                f"{self.world} x {self.accumulation}; give at least {least}, or accumulate less"
            )

    def _check_labels(self) -> None:
        unit = len(self._members) * self.world * self.accumulation
        if self.size % unit:
            raise ValueError(
                f"batch size {self.size} cannot hold equally many rows of {len(self._members)} "
                f"labels in {self.world} x {self.accumulation} micro-batches; "
                f"give a multiple of {unit}"
            )


def _rows_by_label(data: Rows) -> list[Tensor]:
    labels = getattr(data, "labels", None)
    if labels is None:
        raise ValueError("batches by label need a corpus with labels, and this one has none")
    labels = torch.as_tensor(labels)
    order = torch.argsort(labels, stable=True)
    _, counts = torch.unique(labels, return_counts=True)
    return list(torch.split(order, counts.tolist()))
