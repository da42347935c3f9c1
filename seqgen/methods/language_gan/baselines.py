"""Baselines: what a token's worth is compared with, so that only its surprise moves the policy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Protocol

import torch
from torch import Tensor, nn

from seqgen.methods.protocol import Term

BaselineKind = Literal["none", "moving", "learned"]


class Baseline(Protocol):
    """A guess of the reward to come that does not look at the token to be judged."""

    @property
    def modules(self) -> Mapping[str, nn.Module]:
        """Networks of its own, by name; they are the generator's player's."""

    def values(self, hidden: Tensor) -> Tensor:
        """Guesses (tokens,) from the hidden vectors (tokens, width) before each token."""

    def terms(self, values: Tensor, returns: Tensor) -> Mapping[str, Term]:
        """What it adds to the loss, given its guesses and what came, both (tokens,)."""

    def stepped(self, parts: Mapping[str, float]) -> None:
        """Called after an update of the policy with its averaged numbers."""

    def state_dict(self) -> dict[str, Any]:
        """What is no network of it."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` gave."""


class NoBaseline:
    """Zero: the rewards as they are."""

    modules: Mapping[str, nn.Module] = {}

    def values(self, hidden: Tensor) -> Tensor:
        """0."""
        return torch.zeros(len(hidden), device=hidden.device)

    def terms(self, values: Tensor, returns: Tensor) -> Mapping[str, Term]:
        """None."""
        return {}

    def stepped(self, parts: Mapping[str, float]) -> None:
        """Nothing to follow."""

    def state_dict(self) -> dict[str, Any]:
        """No state."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """No state."""


class MovingBaseline(NoBaseline):
    """One number: the running mean of the worth in past updates; 0 before the first.

    Args:
        decay: m <- decay m + (1 - decay) worth, divided by 1 - decay^updates, so that the first
            updates count in full (Kingma and Ba, 2015, arXiv 1412.6980).
    """

    def __init__(self, decay: float = 0.9) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"baseline decay {decay}: must be at least 0 and below 1, such as 0.9")
        self.decay, self.mean, self.share = decay, 0.0, 0.0

    @property
    def value(self) -> float:
        """The running mean."""
        return self.mean / self.share if self.share else 0.0

    def values(self, hidden: Tensor) -> Tensor:
        """The running mean, for every token."""
        return torch.full((len(hidden),), self.value, device=hidden.device)

    def stepped(self, parts: Mapping[str, float]) -> None:
        """Follow the number "return", the mean of what the baseline is taken off, over the whole
        batch: micro-batches and processes agree on it."""
        if "return" in parts:
            self.mean = self.decay * self.mean + (1 - self.decay) * float(parts["return"])
            self.share = self.decay * self.share + (1 - self.decay)

    def state_dict(self) -> dict[str, Any]:
        """The running mean, before its division, and what to divide by."""
        return {"mean": self.mean, "share": self.share}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` gave; without it, start anew."""
        self.mean, self.share = state.get("mean", 0.0), state.get("share", 0.0)


class LearnedBaseline(NoBaseline):
    """A small network on the hidden vectors, which get no gradient from it.

    Args:
        network: (tokens, width) -> (tokens, 1), see `baseline_network`. Phases that follow each
            other share one.
    """

    def __init__(self, network: nn.Module) -> None:
        self.network = network
        self.modules = {"baseline": network}

    def values(self, hidden: Tensor) -> Tensor:
        """The network's guesses."""
        guesses: Tensor = self.network(hidden.detach().float())
        return guesses.squeeze(-1).float()

    def terms(self, values: Tensor, returns: Tensor) -> Mapping[str, Term]:
        """Squared error."""
        return {"baseline-error": Term((values - returns).square().sum(), len(returns))}


def baseline_network(width: int, size: int = 32) -> nn.Module:
    """A perceptron for hidden vectors of `width`, with one hidden layer of `size`."""
    last = nn.Linear(size, 1)
    nn.init.zeros_(last.weight)  # the first guess is 0
    nn.init.zeros_(last.bias)
    return nn.Sequential(nn.Linear(width, size), nn.Tanh(), last)


def named_baseline(kind: BaselineKind | Baseline, width: int, decay: float = 0.9) -> Baseline:
    """The baseline of a name, for hidden vectors of `width`; a baseline is given back as it is.

    Raises:
        ValueError: an unknown name.
    """
    if not isinstance(kind, str):
        return kind
    match kind:
        case "none":
            return NoBaseline()
        case "moving":
            return MovingBaseline(decay)
        case "learned":
            return LearnedBaseline(baseline_network(width))
    raise ValueError(f"baseline {kind!r}: must be 'none', 'moving' or 'learned'")
