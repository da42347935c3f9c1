"""Draw one id a row from a categorical distribution, one uniform number a row.

torch.multinomial makes one exponential number for every vocabulary entry, on the CPU one after
another: 15 ns each, 75 microseconds a token at 5,000 words, ten times the network's own work. The
inverse of the cumulative distribution needs one number a row; taken in two levels (blocks of 64
entries, then inside the block) it reads the row once and fits the cache. On a GPU the noise is
cheap and Gumbel-max needs no pass over cumulative sums.
"""

from __future__ import annotations

import torch
from torch import Tensor

from seqgen.randomness import spread

BLOCK = 64


def draw(probabilities: Tensor, uniforms: Tensor) -> Tensor:
    """Ids (rows,) int64 drawn from unnormalised probabilities (rows, vocabulary) with uniforms
    (rows,) in [0, 1).

    Exact up to float32 rounding of the cumulative sums; an entry of probability 0 is never drawn.
    """
    vocabulary = probabilities.shape[1]
    blocks = _block_sums(probabilities).cumsum_(-1)
    # Rounding may lift u x total to the total itself: stay below, so that a block of positive mass
    # is found.
    target = torch.minimum(uniforms * blocks[:, -1], _below(blocks[:, -1])).unsqueeze(1)
    block = (blocks <= target).sum(-1, keepdim=True)
    before = torch.where(block > 0, blocks.gather(1, (block - 1).clamp_min(0)), 0.0)
    columns = block * BLOCK + torch.arange(BLOCK, device=probabilities.device)
    inside = probabilities.gather(1, columns.clamp_max(vocabulary - 1))
    if vocabulary % BLOCK:
        inside = inside * (columns < vocabulary)
    inside = inside.cumsum_(-1)
    rest = torch.minimum(target - before, _below(inside[:, -1:]))
    return (block + 0).mul_(BLOCK).add_((inside <= rest).sum(-1, keepdim=True)).squeeze(1)


def draw_gumbel(logits: Tensor, seeds: Tensor) -> Tensor:
    """Ids (rows,) by Gumbel-max (Gumbel, 1954): logits (rows, vocabulary), one 64-bit seed a row
    (rows,) int64."""
    return (logits + gumbel_noise(seeds, logits.shape[-1])).argmax(-1)


def gumbel_noise(seeds: Tensor, width: int) -> Tensor:
    """Standard Gumbel noise (rows, width) from one seed a row; finite everywhere."""
    # Neither 0 nor 1, so that both logarithms are finite; adding instead would round the last cell
    # up to 1.
    uniform = spread(seeds, width).clamp_min_(2.0**-25)
    return uniform.log_().neg_().log_().neg_()


def _block_sums(probabilities: Tensor) -> Tensor:
    rows, vocabulary = probabilities.shape
    whole = vocabulary // BLOCK
    sums = probabilities.new_empty(rows, -(-vocabulary // BLOCK))
    main = probabilities[:, : whole * BLOCK].unflatten(1, (whole, BLOCK)) if whole else None
    if main is not None:
        torch.sum(main, -1, out=sums[:, :whole])
    if vocabulary % BLOCK:
        sums[:, whole] = probabilities[:, whole * BLOCK :].sum(-1)
    return sums


def _below(values: Tensor) -> Tensor:
    return torch.nextafter(values, torch.zeros_like(values))
