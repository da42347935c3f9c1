"""Weights that a network was given and does not train, such as those below an adapter: they lie
elsewhere already, so that checkpoints hold their checksum in their place."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import torch
from torch import nn


@dataclass(frozen=True)
class BaseWeights:
    """What the attribute `base` of a network says of its given weights.

    Attributes:
        source: where they lie, as a reader would look for them.
        checksum: of these weights as they were loaded, see `checksum`.
        names: of their tensors in the network's state, tied ones under each of their names.
    """

    source: str
    checksum: str
    names: frozenset[str]


def base_of(network: nn.Module) -> BaseWeights | None:
    """The weights that a network was given; None where it has all its weights from training."""
    found = getattr(network, "base", None)
    return found if isinstance(found, BaseWeights) else None


def untrained(network: nn.Module) -> frozenset[str]:
    """Names of the parameters that a network does not train, tied ones under each of their
    names."""
    named = network.named_parameters(remove_duplicate=False)
    return frozenset(name for name, parameter in named if not parameter.requires_grad)


@torch.no_grad()
def checksum(network: nn.Module) -> str:
    """The SHA-256 of all parameters with their names, number formats and shapes, in hexadecimal.

    Tied parameters count once, under their first name.
    """
    found = hashlib.sha256()
    for name, parameter in sorted(network.named_parameters()):
        found.update(f"{name} {parameter.dtype} {tuple(parameter.shape)}\n".encode())
        flat = parameter.cpu().contiguous().reshape(-1)
        found.update(flat.view(torch.uint8).numpy().data)
    return found.hexdigest()
