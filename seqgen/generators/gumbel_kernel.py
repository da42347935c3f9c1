"""Gumbel-max on a GPU in one kernel: the noise is made where it is added and never stored.

Needs Triton, which torch's CUDA builds bring along.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import torch
import triton  # type: ignore[import-untyped,import-not-found,unused-ignore]
import triton.language as tl  # type: ignore[import-untyped,import-not-found,unused-ignore]
from torch import Tensor

WIDEST_BLOCK = 1024  # entries of a row that one program looks at together


def draw_fused(logits: Tensor, seeds: Tensor) -> Tensor:
    """Ids (rows,) int64 as `drawing.draw_gumbel` gives them: the same noise, but for the last bits
    of its logarithms.

    Args:
        logits: (rows, vocabulary) float32 on a CUDA device, entries of a row side by side.
        seeds: one 64-bit seed a row, (rows,) int64.
    """
    rows, width = logits.shape
    ids = torch.empty(rows, dtype=torch.int64, device=logits.device)
    if rows:
        block = min(triton.next_power_of_2(width), WIDEST_BLOCK)
        with torch.cuda.device(logits.device) if logits.is_cuda else nullcontext():
            _draw[(rows,)](logits, seeds.contiguous(), ids, logits.stride(0), width, BLOCK=block)
    return ids


@triton.jit  # type: ignore[untyped-decorator,unused-ignore]
def _draw(  # type: ignore[no-untyped-def]
    logits, seeds, ids, stride, width: tl.constexpr, BLOCK: tl.constexpr
) -> Any:
    """One program a row: the largest of logits + noise, block after block."""
    row = tl.program_id(0).to(tl.int64)
    seed = tl.load(seeds + row).to(tl.uint64, bitcast=True)
    best = tl.full((BLOCK,), float("-inf"), tl.float32)
    place = tl.zeros((BLOCK,), tl.int32)
    for start in range(0, width, BLOCK):
        column = start + tl.arange(0, BLOCK)
        inside = column < width
        value = tl.load(logits + row * stride + column, mask=inside, other=float("-inf"))
        # The numbers of `randomness.spread`: SplitMix64's finaliser of the seed and a counter.
        bits = seed + (column + 1).to(tl.uint64) * 0x9E3779B97F4A7C15
        bits *= 0x9E3779B97F4A7C15
        bits = (bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9
        bits = (bits ^ (bits >> 27)) * 0x94D049BB133111EB
        bits = bits ^ (bits >> 31)
        uniform = (bits >> 40).to(tl.int32).to(tl.float32) * 5.9604644775390625e-08  # 2^-24
        value -= tl.log(-tl.log(tl.maximum(uniform, 2.98023223876953125e-08)))  # 2^-25
        better = inside & (value > best)
        best = tl.where(better, value, best)
        place = tl.where(better, column, place)
    top = tl.max(best, 0)
    found = tl.min(tl.where(best == top, place, width), 0)
    tl.store(ids + row, tl.minimum(found, width - 1).to(tl.int64))
