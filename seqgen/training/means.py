"""Numbers for the log that stay on the device until somebody reads them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor


class Parts(Mapping[str, float]):
    """Scalar tensors seen as floats; only reading one waits for the device."""

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        self._tensors = tensors

    def __getitem__(self, name: str) -> float:
        return float(self._tensors[name].item())

    def __iter__(self) -> Iterator[str]:
        return iter(self._tensors)

    def __len__(self) -> int:
        return len(self._tensors)


class Means:
    """Means since the last line of the log, by name; sums are kept on the device."""

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, int] = {}
        self.updates = 0

    def add(self, player: str, values: Mapping[str, Tensor]) -> None:
        """Take in the numbers of one update of `player`."""
        self.updates += 1
        for name, value in values.items():
            key = f"{player}/{name}"
            self._sums[key] = self._sums[key] + value if key in self._sums else value.clone()
            self._counts[key] = self._counts.get(key, 0) + 1

    def take(self) -> dict[str, float]:
        """The means, in one transfer a device, and start anew."""
        names = list(self._sums)
        values = (
            torch.stack([s.double().cpu() for s in self._sums.values()]).tolist() if names else []
        )
        result = {
            name: value / self._counts[name] for name, value in zip(names, values, strict=True)
        }
        self._sums, self._counts, self.updates = {}, {}, 0
        return result

    def state_dict(self) -> dict[str, Any]:
        """The sums so far, so that a resumed log goes on as if nothing had happened."""
        sums = {name: value.detach().cpu() for name, value in self._sums.items()}
        return {"sums": sums, "counts": dict(self._counts), "updates": self.updates}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` gave."""
        self._sums, self._counts = dict(state["sums"]), dict(state["counts"])
        self.updates = int(state["updates"])
