"""A network beside itself without its adapters: the model it came from, at no memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from torch import nn

Network = TypeVar("Network", bound=nn.Module)


def has_adapters(network: nn.Module) -> bool:
    """Whether low-rank adapters stand beside its weights (`pretrained_models.add_lora`)."""
    return bool(_adapted(network))


@contextmanager
def without_adapters(network: Network) -> Iterator[Network]:
    """Inside, the network computes what it did before its adapters were added; parameters, and
    which of them learn, are the same afterwards.

    Raises:
        ValueError: it has no adapters.
    """
    layers = _adapted(network)
    if not layers:
        raise ValueError(f"{type(network).__name__} has no adapters that could be switched off")
    learning = [(parameter, parameter.requires_grad) for parameter in network.parameters()]
    try:
        for layer in layers:
            layer.enable_adapters(False)
        yield network
    finally:
        for layer in layers:
            layer.enable_adapters(True)
        for parameter, before in learning:
            parameter.requires_grad_(before)


def _adapted(network: nn.Module) -> list[Any]:
    """The layers with adapters. peft is optional: without it nothing has any."""
    try:
        from peft.tuners.tuners_utils import BaseTunerLayer
    except ImportError:
        return []
    return [part for part in network.modules() if isinstance(part, BaseTunerLayer)]
