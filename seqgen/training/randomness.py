"""The random states of a process: seeding, saving, and switches for reproducible arithmetic."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy
import torch

from seqgen.randomness import Stream


def seed_process(seed: int) -> None:
    """Seed Python, numpy and torch (all devices), for draws outside the Trainer such as initial
    weights.
    """
    random.seed(Stream.of(seed, "python").key)
    numpy.random.seed(Stream.of(seed, "numpy").key & (2**32 - 1))
    torch.manual_seed(Stream.of(seed, "torch").key & (2**63 - 1))


def seed_torch(stream: Stream) -> None:
    """Seed torch's global generators from a stream: what dropout and a network's own draws use.

    Not by torch.manual_seed, which spends a millisecond on tracebacks for devices not in use.
    """
    seed = stream.key & (2**63 - 1)
    torch.default_generator.manual_seed(seed)
    if _cuda_in_use():
        torch.cuda.manual_seed_all(seed)


def capture() -> dict[str, Any]:
    """All random states of this process, as tensors and plain values that weights_only loading
    accepts.
    """
    name, keys, place, has_gauss, gauss = numpy.random.get_state(legacy=True)
    version, internal, following = random.getstate()
    words = torch.tensor(numpy.asarray(keys).tolist())
    return {
        "python": [version, torch.tensor(internal), following],
        "numpy": [str(name), words, int(place), int(has_gauss), float(gauss)],
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if _cuda_in_use() else [],
    }


def restore(state: Mapping[str, Any]) -> None:
    """Put back what `capture` gave; CUDA states only where there are as many devices as then."""
    version, internal, following = state["python"]
    random.setstate((version, tuple(internal.tolist()), following))
    name, keys, place, has_gauss, gauss = state["numpy"]
    numpy.random.set_state((name, keys.numpy().astype(numpy.uint32), place, has_gauss, gauss))
    torch.set_rng_state(state["torch"].cpu())
    if state["cuda"] and len(state["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all([one.cpu() for one in state["cuda"]])


@contextmanager
def preserved() -> Iterator[None]:
    """Whatever is drawn inside, the random states afterwards are those from before."""
    state = capture()
    try:
        yield
    finally:
        restore(state)


def be_deterministic() -> None:
    """Only deterministic kernels from now on; torch raises where there is none.

    On CUDA this must come before the first use of cuBLAS, whose workspace is chosen here.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False


def _cuda_in_use() -> bool:
    return bool(torch.cuda.is_initialized())  # type: ignore[no-untyped-call]
