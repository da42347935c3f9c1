"""Another mode for a while: sampling runs without dropout, whatever mode training left it in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from torch import nn


def evaluating(*modules: nn.Module) -> AbstractContextManager[None]:
    """Put modules into evaluation mode; every submodule gets its own mode back."""
    return _mode(False, modules)


def training(*modules: nn.Module) -> AbstractContextManager[None]:
    """Put modules into training mode; every submodule gets its own mode back."""
    return _mode(True, modules)


@contextmanager
def _mode(train: bool, modules: tuple[nn.Module, ...]) -> Iterator[None]:
    before = [(part, part.training) for module in modules for part in module.modules()]
    try:
        for module in modules:
            module.train(train)
        yield
    finally:
        for part, mode in before:
            part.training = mode
