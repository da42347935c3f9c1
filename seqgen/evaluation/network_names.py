"""What signatures call a network, so that two of one name are not taken for the same."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from torch import nn


def named(source: str | Path, network: nn.Module) -> str:
    """The last part of its path, or its name, and the fingerprint of its weights."""
    path = Path(source).expanduser()
    last = path.resolve().name if path.exists() else str(source)
    return f"{last}@{fingerprint(network)}".replace(":", "-").replace("|", "-")


def fingerprint(network: nn.Module) -> str:
    """The first 8 digits of the SHA-256 of the weights; the device makes no difference."""
    total = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        total.update(name.encode())
        # As bytes: numpy has no bfloat16.
        total.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return total.hexdigest()[:8]
