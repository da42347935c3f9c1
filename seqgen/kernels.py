"""Which kernels networks may run on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar

import torch

_once: ContextVar[bool] = ContextVar("one backward pass", default=False)


@contextmanager
def one_backward_pass(promised: bool) -> Iterator[None]:
    """Whoever computes a loss in this context goes back through it once, before the next forward
    pass: what a backward pass captured as a CUDA graph needs, as it uses up what the forward pass
    kept."""
    token = _once.set(promised)
    try:
        yield
    finally:
        _once.reset(token)


def goes_back_once() -> bool:
    """Whether `one_backward_pass` was promised."""
    return _once.get()


def plain_recurrence(needed: bool) -> AbstractContextManager[object]:
    """Recurrent layers on plain kernels, not cuDNN's, where that is needed; else as they were.

    cuDNN's have no backward pass in evaluation mode, which is the mode of an opponent and of a
    generator that draws, and no second derivative, which a gradient penalty at soft tokens takes.

    Args:
        needed: whether one of the two is wanted.
    """
    return torch.backends.cudnn.flags(enabled=False) if needed else nullcontext()
