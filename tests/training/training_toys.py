"""Small methods and data the tests of the trainer share; no text, no recipes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from seqgen.methods.protocol import Loss, Moment, Stateless, Term
from seqgen.training.batches import Batches
from seqgen.training.player import Player


class Batch(NamedTuple):
    """Vectors (rows, width), how many of each row count, and the global row numbers."""

    vectors: Tensor
    lengths: Tensor
    rows: Tensor
    indices: Tensor

    @property
    def mask(self) -> Tensor:
        return torch.arange(self.vectors.shape[1]) < self.lengths[:, None]


class Vectors:
    """A corpus of random vectors with unequal lengths and labels 0 and 1."""

    def __init__(self, count: int = 13, width: int = 4) -> None:
        generator = torch.Generator().manual_seed(5)
        self.vectors = torch.randn(count, width, generator=generator)
        self.lengths = torch.randint(1, width + 1, (count,), generator=generator)
        self.labels = torch.arange(count) % 2

    def __len__(self) -> int:
        return len(self.vectors)

    def select(self, indices: Tensor, rows: Tensor) -> Batch:
        return Batch(self.vectors[indices], self.lengths[indices], rows, indices)


class Fit(Stateless):
    """One player: a network with dropout learns to reproduce its input; unequal weights a row."""

    def __init__(self, dropout: float = 0.25, width: int = 4) -> None:
        network = nn.Sequential(
            nn.Linear(width, 8), nn.Tanh(), nn.Dropout(dropout), nn.Linear(8, width)
        )
        self.modules = {"generator": network}

    def loss(self, player: str, batch: Batch, moment: Moment) -> Loss | None:
        error = (self.modules["generator"](batch.vectors) - batch.vectors).square()
        noise = 0.1 * moment.stream.uniform(batch.rows, batch.vectors.shape[1])
        mask = batch.mask
        return Loss(
            {"error": Term(((error + noise * error) * mask).sum(), mask.sum())},
            {"length": Term(batch.lengths.sum(), len(batch.rows))},
        )


class Duel:
    """Two players, two terms with different weights, batch norm, dropout, a baseline and a buffer
    as method's state.
    """

    def __init__(self, width: int = 4, dropout: float = 0.25) -> None:
        self.modules: Mapping[str, nn.Module] = {
            "generator": nn.Sequential(
                nn.Linear(2, 8), nn.Tanh(), nn.Dropout(dropout), nn.Linear(8, width)
            ),
            "discriminator": nn.Sequential(
                nn.Linear(width, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 1)
            ),
        }
        self.baseline = torch.zeros(())
        self.frozen: Tensor | None = None
        self.begun: list[tuple[str, int, int]] = []

    @property
    def players(self) -> Mapping[str, Sequence[str]]:
        return {"generator": ("generator",), "discriminator": ("discriminator",)}

    def turns(self, round: int) -> Sequence[str]:
        return ("discriminator",) * (2 if round < 2 else 1) + ("generator",)

    def begin(self, player: str, moment: Moment) -> None:
        self.begun.append((player, moment.round, moment.updates))
        if player == "generator" and moment.updates == 0:
            self.frozen = next(self.modules["generator"].parameters()).detach().clone()

    def fake(self, batch: Batch, moment: Moment) -> Tensor:
        return self.modules["generator"](moment.stream.uniform(batch.rows, 2))

    def loss(self, player: str, batch: Batch, moment: Moment) -> Loss | None:
        critic = self.modules["discriminator"]
        fake = critic(self.fake(batch, moment))
        if player == "generator":
            weight = next(self.modules["generator"].parameters())
            anchor = (weight - self.frozen).square().sum()
            return Loss(
                {
                    "fool": Term((fake - self.baseline).neg().sum(), len(batch.rows)),
                    "anchor": Term(anchor * len(batch.rows), float(len(batch.rows)), 0.1),
                }
            )
        real = critic(batch.vectors)
        return Loss(
            {
                "real": Term((1 - real).relu().sum(), len(batch.rows)),
                "fake": Term((1 + fake).relu().sum(), batch.lengths.sum(), 0.5),
            }
        )

    def stepped(self, player: str, moment: Moment, parts: Mapping[str, float]) -> None:
        if player == "generator":
            self.baseline = 0.9 * self.baseline - 0.1 * parts["fool"]

    def state_dict(self) -> dict[str, Any]:
        return {"baseline": self.baseline, "frozen": self.frozen}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.baseline, self.frozen = state["baseline"], state["frozen"]


def adam(module: nn.Module, rate: float = 0.01, **settings: Any) -> Player:
    """A player with Adam over one module."""
    return Player(torch.optim.Adam(module.parameters(), rate), **settings)


def batches(size: int = 6, **settings: Any) -> Batches:
    """Batches of the toy corpus."""
    return Batches(Vectors(), size, seed=3, **settings)


def weights(modules: Mapping[str, nn.Module]) -> dict[str, Tensor]:
    """All parameters and buffers, copied."""
    return {
        f"{name}.{key}": value.detach().clone()
        for name, module in modules.items()
        for key, value in module.state_dict().items()
    }


def same(left: Mapping[str, Tensor], right: Mapping[str, Tensor]) -> bool:
    """Bitwise equality of two sets of tensors."""
    return left.keys() == right.keys() and all(torch.equal(left[k], right[k]) for k in left)
