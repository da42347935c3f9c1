"""The arithmetic that a trained network is used in."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch

PRECISIONS = ("float32", "bfloat16")


def products_in(precision: str, device: torch.device) -> AbstractContextManager[object]:
    """For a while, matrix products are made in float32 or bfloat16; what softmaxes and losses are
    made of stays float32."""
    if precision == "float32":
        return nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)


def has_bfloat16(device: torch.device) -> bool:
    """Whether the device has instructions for bfloat16 products: elsewhere they are made of float32
    ones and slower than these."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if not hasattr(torch.cpu, "get_capabilities"):  # torch before 2.11
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    found = torch.cpu.get_capabilities()
    return any(present for name, present in found.items() if name.endswith("bf16"))
