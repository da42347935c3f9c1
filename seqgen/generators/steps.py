"""The one decoding loop: advance, choose, feed back.

Finished rows are dropped as decoding goes on. Kernels round a product of few rows differently from
one of many, so the pool never falls below 64 rows (dead rows fill it up): with that, dropping
changes no bit of the result.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

from seqgen.generators.choose import Choice, Choose
from seqgen.generators.protocol import Forced, Generator

FEWEST_ROWS = 64  # fewer rows in a product, and kernels round differently
ALIGNED = 64  # entries
DROPPED_AT = 0.75  # finished rows leave once at most this share of the pool lives
BLOCK_ROWS = 256  # rows whose logits are made and used up at a time on the CPU (128: 5 % slower)


class Step(NamedTuple):
    """What one step of the loop gives for the pool it ran on.

    `rows` (pool,) are positions among the decoded rows, `live` (pool,) tells which of them are not
    finished before this step; the others are there to fill the pool and mean nothing.
    """

    number: int
    rows: Tensor
    live: Tensor
    choice: Choice
    forced: Forced


def steps(
    generator: Generator,
    state: Any,
    first: Tensor,
    choose: Choose,
    rows: Tensor,
    count: int,
    drop: bool,
) -> Iterator[Step]:
    """Advance, choose, feed back: `count` times or until every row has kept END.

    Args:
        generator: the network.
        state: its state, of len(rows) rows.
        first: the tokens to feed first, ids (rows,).
        choose: how to choose; prepared already.
        rows: positions among the prepared rows, (rows,) int64.
        count: the most steps.
        drop: whether finished rows may leave the pool (needs a choice without gradients).
    """
    end, fed = generator.specials.end, first
    live = torch.ones(len(rows), dtype=torch.bool, device=rows.device)
    buffer = _buffer(generator, choose, len(rows))
    for number in range(count):
        forced, state = generator.advance(fed.unsqueeze(1), state)
        choice = _choose(generator, choose, number, forced.hidden[:, 0], rows, buffer)
        yield Step(number, rows, live, choice, forced)
        if number + 1 == count:
            return
        fed = choice.fed
        if choice.select is not None:
            state, rows, live = (
                state.select(choice.select),
                rows[choice.select],
                live[choice.select],
            )
        if end is None:
            continue
        live = live & ~ends(choice.kept, end)
        if not drop:
            continue
        if not asks(number, rows.device):
            continue
        keep = _keep(live)
        if keep is None:
            continue
        if not len(keep):
            return
        state, rows, live, fed = state.select(keep), rows[keep], live[keep], fed[keep]


def ends(kept: Tensor, end: int) -> Tensor:
    """Which rows end with the tokens kept, ids (rows,) or soft tokens (rows, vocabulary), whose
    argmax counts: (rows,) bool."""
    if not kept.is_floating_point():
        return kept == end
    if kept.is_cuda:
        return kept.argmax(-1) == end
    # On the CPU the largest value is found ten times faster than its place, and few rows end.
    found = kept[:, end] == kept.amax(-1)
    rows = found.nonzero().squeeze(-1)
    return found.index_fill(0, rows[kept[rows].argmax(-1) != end], False)


def asks(number: int, device: torch.device) -> bool:
    """Whether to ask at a step which rows live: it makes the host wait for a GPU, so ask seldom."""
    return device.type != "cuda" or number % 8 == 0


def _keep(live: Tensor) -> Tensor | None:
    """The rows to go on with once a quarter has finished, filled up with dead rows; None leaves the
    pool alone."""
    alive = int(live.sum())
    wanted = max(alive, FEWEST_ROWS) if alive else 0
    if wanted > DROPPED_AT * len(live):
        return None
    order = live.logical_not().to(torch.uint8).argsort(stable=True)
    return order[:wanted].sort().values


def _choose(
    generator: Generator,
    choose: Choose,
    number: int,
    hidden: Tensor,
    rows: Tensor,
    buffer: Tensor | None,
) -> Choice:
    """Logits and choice, in blocks whose logits stay in the cache."""
    if buffer is None:
        return choose(number, generator.logits(hidden), rows)
    count = -(-len(hidden) // len(buffer))
    choices = [
        choose(number, generator.logits(part, buffer[: len(part)]), some)
        for part, some in zip(hidden.tensor_split(count), rows.tensor_split(count), strict=True)
    ]
    if count == 1:
        return choices[0]
    return Choice(torch.cat([c.fed for c in choices]), torch.cat([c.kept for c in choices]))


def _buffer(generator: Generator, choose: Choose, rows: int) -> Tensor | None:
    """Room for the logits of one block, on the CPU without gradients. Soft tokens are made where
    their logits stand: several blocks of them cannot share it."""
    if (
        (choose.soft and rows > BLOCK_ROWS)
        or not choose.blockwise
        or torch.is_grad_enabled()
        or generator.device.type != "cpu"
    ):
        return None
    if choose.soft:  # and a softmax needs them in one piece
        return torch.empty(rows, len(generator.head.weight))
    return logits_buffer(generator, rows)


def logits_buffer(generator: Generator, rows: int = BLOCK_ROWS) -> Tensor:
    """Room for the logits of one block of at most so many rows, on the CPU: (some, vocabulary).

    Fresh pages for every block would cost more than the draws.
    """
    vocabulary = len(generator.head.weight)
    # Rows begin where cache lines do: that is faster.
    wide = torch.empty(min(rows, BLOCK_ROWS), -(-vocabulary // ALIGNED) * ALIGNED)
    return wide[:, :vocabulary]
