"""Which kernels recurrent layers run on."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch


def plain_recurrence(needed: bool) -> AbstractContextManager[object]:
    """Recurrent layers on plain kernels, not cuDNN's, where that is needed; else as they were.

    cuDNN's have no backward pass in evaluation mode, which is the mode of an opponent and of a
    generator that draws, and no second derivative, which a gradient penalty at soft tokens takes.

    Args:
        needed: whether one of the two is wanted.
    """
    return torch.backends.cudnn.flags(enabled=False) if needed else nullcontext()
