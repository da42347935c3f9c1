"""Draw one id a row from a categorical distribution, one uniform number a row.

torch.multinomial makes one exponential number for every vocabulary entry, on the CPU one after
another: 15 ns each, 75 microseconds a token at 5,000 words, ten times the network's own work. The
inverse of the cumulative distribution needs one number a row; taken in two levels (blocks of 64
entries, then inside the block) it reads the row once and fits the cache. On a GPU the noise is
cheap and Gumbel-max needs no pass over cumulative sums.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

from seqgen.errors import RunFailure
from seqgen.randomness import spread

BLOCK = 64
FAR = 60.0  # so far from 0 may the largest exponent of two lie that no sum overflows or vanishes
LOG2E = 1 / math.log(2)
BELOW_ONE = 1 - 2.0**-23  # times a total it stays below the total, whatever rounding does


def powers_of_two(exponents: Tensor) -> Tensor:
    """2^exponents up to a factor of each row, (rows, vocabulary); without gradients in place.

    Of logits x LOG2E they are probabilities good enough for a draw, which needs no sum of 1, and
    their kernel is twice as fast as a softmax.
    """
    top = exponents.amax(-1, keepdim=True)
    far = top.abs() > FAR
    if far.any():
        exponents = exponents - top.where(far, 0.0)
    return torch.exp2(exponents, out=None if torch.is_grad_enabled() else exponents)


@torch.no_grad()
def draw_powers(exponents: Callable[[], Tensor], uniforms: Tensor, rows: Tensor) -> Tensor:
    """`draw` from 2^exponents, which are asked for again if they were too large or too small.

    Looking at the sums, which a draw needs anyway, is cheaper than at the exponents before.

    Args:
        exponents: gives a tensor (rows, vocabulary) that may be overwritten, the same each time.
        uniforms: (draws,), as for `draw`.
        rows: (draws,), as for `draw`.

    Raises:
        RunFailure: as for `draw`.
    """
    powers = exponents().exp2_()
    edges = _block_edges(powers)
    fit = (edges[:, -1:] > 2.0**-FAR) & (edges[:, -1:] < 2.0**FAR)
    if not fit.all():
        # Row by row, so that no row depends on its company.
        before = powers.clone()
        powers = torch.where(fit, before, powers_of_two(exponents()))
        edges = torch.where(fit, edges, _block_edges(powers))
    return _drawn(powers, edges, uniforms, rows)


@torch.no_grad()
def draw(probabilities: Tensor, uniforms: Tensor, rows: Tensor | None = None) -> Tensor:
    """Ids (draws,) int64 from unnormalised probabilities (rows, vocabulary), uniforms (draws,).

    Exact up to float32 rounding of the cumulative sums; an entry of probability 0 is never drawn.

    Args:
        probabilities: float32; no sum of 1 is needed.
        uniforms: in [0, 1).
        rows: which row to draw from, (draws,) int64; None: one draw from each.

    Raises:
        RunFailure: the probabilities of a row are not numbers or all zero.
    """
    if rows is None:
        rows = torch.arange(len(probabilities), device=probabilities.device)
    return _drawn(probabilities, _block_edges(probabilities), uniforms, rows)


def _drawn(probabilities: Tensor, edges: Tensor, uniforms: Tensor, rows: Tensor) -> Tensor:
    """What `draw` gives, from the cumulative mass at the edges of the blocks."""
    if not edges[:, -1].min() > 0:  # also where it is no number
        raise RunFailure(
            "cannot draw a token: the probabilities are not finite or all zero; the generator has "
            "diverged (try a lower learning rate, or clip gradients)"
        )
    edges = edges.index_select(0, rows)
    target = (uniforms * BELOW_ONE * edges[:, -1]).unsqueeze(1)
    block = torch.searchsorted(edges, target, right=True).sub_(1)
    inside, begin = _inside(probabilities, rows, block * BLOCK)
    rest = torch.minimum(target - edges.gather(1, block), inside[:, -1:] * BELOW_ONE)
    return torch.searchsorted(inside, rest, right=True).add_(begin).squeeze(1)


@torch.no_grad()
def draw_gumbel(logits: Tensor, seeds: Tensor) -> Tensor:
    """Ids (rows,) by Gumbel-max (Gumbel, 1954): logits (rows, vocabulary), one 64-bit seed a row
    (rows,) int64."""
    if logits.is_cuda and logits.dtype == torch.float32 and logits.stride(-1) == 1:
        fused = _fused()
        if fused is not None:
            return fused(logits, seeds)
    return (logits + gumbel_noise(seeds, logits.shape[-1])).argmax(-1)


@cache
def _fused() -> Callable[[Tensor, Tensor], Tensor] | None:
    """The kernel that draws without storing the noise; None where it cannot be built."""
    try:
        from seqgen.generators.gumbel_kernel import draw_fused

        draw_fused(torch.zeros(1, 1, device="cuda"), torch.zeros(1, dtype=torch.int64).cuda())
    except Exception:  # Triton is not there, finds no compiler, or does not know the GPU
        return None
    return draw_fused


def gumbel_noise(seeds: Tensor, width: int) -> Tensor:
    """Standard Gumbel noise (rows, width) from one seed a row; finite everywhere."""
    # Neither 0 nor 1, so that both logarithms are finite; adding instead would round the last cell
    # up to 1.
    uniform = spread(seeds, width).clamp_min_(2.0**-25)
    return uniform.log_().neg_().log_().neg_()


def _block_edges(probabilities: Tensor) -> Tensor:
    """Cumulative mass at the edges of the blocks: (rows, blocks + 1), from 0 to the total."""
    rows, vocabulary = probabilities.shape
    whole = vocabulary // BLOCK
    edges = probabilities.new_empty(rows, -(-vocabulary // BLOCK) + 1)
    edges[:, 0] = 0
    blocks = probabilities[:, : whole * BLOCK].view(rows, whole, BLOCK)
    torch.sum(blocks, -1, out=edges[:, 1 : whole + 1])
    if vocabulary % BLOCK:
        torch.sum(probabilities[:, whole * BLOCK :], -1, out=edges[:, whole + 1])
    return edges.cumsum_(-1)


def _inside(probabilities: Tensor, rows: Tensor, start: Tensor) -> tuple[Tensor, Tensor]:
    """Cumulative mass inside the block of a row that starts at `start` (draws, 1), and where it
    begins.

    The last block of a vocabulary that is no multiple of BLOCK is read from further left, with
    nothing before its start.
    """
    count, vocabulary = probabilities.shape
    width = min(BLOCK, vocabulary)
    begin = start.clamp_max(vocabulary - width) if vocabulary % BLOCK else start
    if probabilities.stride(1) != 1:
        probabilities = probabilities.contiguous()
    # Every run of `width` entries in memory, as a view: to pick some copies nothing else.
    between = probabilities.stride(0)
    runs = probabilities.as_strided(((count - 1) * between + vocabulary - width + 1, width), (1, 1))
    inside = runs.index_select(0, rows * between + begin.squeeze(1))
    if vocabulary % BLOCK:
        inside.mul_(torch.arange(width, device=start.device) >= start - begin)
    return inside.cumsum_(-1), begin
