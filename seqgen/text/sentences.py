"""A batch of sentences as ids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Sentences:
    """A batch of sentences: END is the last real token, PAD fills the tail, BEGIN is never stored.

    A sentence that a limit cut has no END, nor have those of a vocabulary without one (the
    synthetic oracle): the lengths tell where a row stops, also where END pads too (GPT-2).

    Attributes:
        ids: (rows, time) int64.
        lengths: (rows,) int64, END included where there is one.
        labels: (rows,) int64, or None for a corpus without labels.
        rows: (rows,) int64, the row numbers in the global batch that random streams use; None means
            0, 1, 2, ...

    Raises:
        ValueError: shapes do not share the rows axis, or ids and lengths are not int64.
    """

    ids: Tensor
    lengths: Tensor
    labels: Tensor | None = None
    rows: Tensor | None = None

    def __post_init__(self) -> None:
        if self.ids.dim() != 2 or self.ids.dtype != torch.int64:
            raise ValueError(f"ids must be int64 (rows, time), not {_form(self.ids)}")
        for name in ("lengths", "labels", "rows"):
            value: Tensor | None = getattr(self, name)
            if value is not None and (
                value.shape != self.ids.shape[:1] or value.dtype != torch.int64
            ):
                raise ValueError(f"{name} must be int64 ({len(self.ids)},), not {_form(value)}")

    def __len__(self) -> int:
        return self.ids.shape[0]

    @property
    def mask(self) -> Tensor:
        """(rows, time) bool: True on real tokens, END among them."""
        steps = torch.arange(self.ids.shape[1], device=self.ids.device)
        return steps < self.lengths[:, None]

    @property
    def numbers(self) -> Tensor:
        """(rows,) int64: `rows`, or 0, 1, 2, ... where none were given."""
        return torch.arange(len(self), device=self.ids.device) if self.rows is None else self.rows

    def select(self, rows: Tensor) -> Sentences:
        """Repeat, reorder or drop rows by int64 (some,) or bool (rows,).

        Each row keeps its number in the global batch.
        """
        labels = None if self.labels is None else self.labels[rows]
        return Sentences(self.ids[rows], self.lengths[rows], labels, self.numbers[rows])

    def to(self, device: torch.device | str) -> Sentences:
        """The same batch on a device."""
        labels = None if self.labels is None else self.labels.to(device)
        rows = None if self.rows is None else self.rows.to(device)
        return Sentences(self.ids.to(device), self.lengths.to(device), labels, rows)

    def trim(self) -> Sentences:
        """Cut the time axis to the longest sentence."""
        time = int(self.lengths.max()) if len(self) else 0
        return Sentences(self.ids[:, :time], self.lengths, self.labels, self.rows)


class Rows(Protocol):
    """A corpus: sentences that can be taken by number."""

    def __len__(self) -> int:
        """How many there are."""

    def select(self, indices: Tensor, rows: Tensor | None = None) -> Sentences:
        """The sentences of these numbers, (rows,) int64, with these global row numbers."""


def padded(flat: Tensor, starts: Tensor, lengths: Tensor, pad: int) -> Tensor:
    """Sentences out of one flat row of ids, in one gather.

    flat (tokens,), starts and lengths (rows,) -> int64 (rows, time), time that of the longest.
    """
    time = int(lengths.max()) if len(lengths) else 0
    if time == 0:
        return flat.new_zeros(len(lengths), 0, dtype=torch.int64)
    steps = torch.arange(time)
    # Tails may reach beyond the end of the flat row; what is read there is replaced by PAD.
    positions = (starts[:, None] + steps).clamp_(max=len(flat) - 1)
    return torch.where(steps < lengths[:, None], flat[positions].long(), pad)


def _form(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"
