"""Several processes under torchrun, without wrappers: every process holds whole modules and only
sums are exchanged.

All functions work without torch.distributed too, where there is one process and nothing to
exchange.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

# Only the main process evaluates while the others wait in a collective; evaluation may take long.
_PATIENCE = timedelta(hours=6)


def active() -> bool:
    """Whether a process group is up."""
    return dist.is_available() and dist.is_initialized()


def rank() -> int:
    """The number of this process, from 0."""
    return dist.get_rank() if active() else 0


def world() -> int:
    """How many processes share each batch."""
    return dist.get_world_size() if active() else 1


def is_main() -> bool:
    """Whether this process is the one that writes files and prints."""
    return rank() == 0


def start(device: str | None = None) -> torch.device:
    """Join the group torchrun's environment variables describe, if any, and return this process's
    device.

    gloo on the CPU, nccl on CUDA. Without WORLD_SIZE, or when a group is up already, only the
    device is chosen.
    """
    kind = device or ("cuda" if torch.cuda.is_available() else "cpu")
    chosen = torch.device(kind)
    if chosen.type == "cuda":
        if chosen.index is None:
            chosen = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(chosen)
    if int(os.environ.get("WORLD_SIZE", "1")) > 1 and not active():
        dist.init_process_group("nccl" if chosen.type == "cuda" else "gloo", timeout=_PATIENCE)
    return chosen


def stop() -> None:
    """Leave the group; nothing happens without one."""
    if active():
        dist.destroy_process_group()


def collective_device() -> torch.device:
    """Where small tensors made only to be exchanged must lie."""
    nccl = active() and dist.get_backend() == "nccl"
    return torch.device("cuda", torch.cuda.current_device()) if nccl else torch.device("cpu")


def add_up(values: Tensor) -> Tensor:
    """Sum `values` over processes, in place; any shape."""
    if world() > 1:
        dist.all_reduce(values)
    return values


def largest(values: Tensor) -> Tensor:
    """Element-wise maximum of `values` over processes, in place; any shape."""
    if world() > 1:
        dist.all_reduce(values, op=dist.ReduceOp.MAX)
    return values


def any_process(flag: bool) -> bool:
    """Whether `flag` is true in at least one process."""
    if world() == 1:
        return flag
    return bool(largest(torch.tensor([int(flag)], device=collective_device())).item())


def gather(value: Any) -> list[Any]:
    """The plain Python `value` of every process, in the order of ranks."""
    if world() == 1:
        return [value]
    values: list[Any] = [None] * world()
    dist.all_gather_object(values, value)
    return values


def from_main(value: Any) -> Any:
    """The main process's plain Python `value`, in every process."""
    if world() == 1:
        return value
    box = [value]
    dist.broadcast_object_list(box, src=0)
    return box[0]


def share_tensors(tensors: Iterable[Tensor]) -> None:
    """Overwrite `tensors` by those of the main process, in place."""
    if world() > 1:
        for tensor in tensors:
            dist.broadcast(tensor.data, src=0)


def share_modules(modules: Iterable[nn.Module]) -> None:
    """Overwrite parameters and buffers by those of the main process: all start from the same
    weights.
    """
    for module in modules:
        share_tensors(module.parameters())
        share_tensors(module.buffers())


def wait() -> None:
    """Return when every process has come here."""
    if world() > 1:
        dist.barrier()
