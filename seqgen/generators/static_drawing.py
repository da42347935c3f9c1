"""Draws in static shapes, whole sentences at a launch: for GPUs."""

from __future__ import annotations

from dataclasses import fields

import torch
from torch import Tensor

from seqgen.generators.decoded import Decoded
from seqgen.generators.drawing import draw_gumbel
from seqgen.generators.graphs import replay
from seqgen.generators.protocol import Condition, Generator


def draw_static(
    generator: Generator, seeds: Tensor, temperature: float, condition: Condition | None = None
) -> Decoded:
    """What `decode` gives with `Sample(temperature)`; every row is computed to the end.

    Args:
        generator: `graphs.capturable`.
        seeds: one 64-bit seed a step and row, (time, rows) int64.
        temperature: of the draws.
        condition: what the generator is conditioned on.
    """
    names, values = taken_apart(condition)

    def drawn(seeds: Tensor, *values: Tensor) -> tuple[Tensor, ...]:
        return (_draw(generator, seeds, temperature, put_together(names, values)),)

    (ids,) = replay(generator, ("draw", temperature, names), drawn, seeds, *values)
    return _ended(generator, ids)


def taken_apart(condition: Condition | None) -> tuple[tuple[str, ...], tuple[Tensor, ...]]:
    """The names and tensors of what is set."""
    if condition is None:
        return (), ()
    pairs = [(f.name, getattr(condition, f.name)) for f in fields(condition)]
    chosen = [(name, value) for name, value in pairs if value is not None]
    return tuple(name for name, _ in chosen), tuple(value for _, value in chosen)


def put_together(names: tuple[str, ...], values: tuple[Tensor, ...]) -> Condition | None:
    """What `taken_apart` took apart."""
    return Condition(**dict(zip(names, values, strict=True))) if names else None


def _draw(
    generator: Generator, seeds: Tensor, temperature: float, condition: Condition | None
) -> Tensor:
    """Ids (rows, time), going on behind END."""
    time, count = seeds.shape
    state = generator.start(count, condition)
    fed = torch.full((count,), generator.specials.begin, device=seeds.device)
    kept = []
    for number in range(time):
        forced, state = generator.advance(fed.unsqueeze(1), state)
        fed = draw_gumbel(
            generator.logits(forced.hidden[:, 0], None, 1 / temperature), seeds[number]
        )
        kept.append(fed)
    return torch.stack(kept, 1)


def _ended(generator: Generator, ids: Tensor) -> Decoded:
    """PAD behind END, and the lengths."""
    end, pad = generator.specials.end, generator.specials.pad
    count, time = ids.shape
    if end is None:
        lengths = torch.full((count,), time, device=ids.device)
        return Decoded(ids, lengths, torch.zeros_like(lengths, dtype=torch.bool), ids)
    ends = ids == end
    ended = ends.any(1)
    lengths = torch.where(ended, ends.int().argmax(1) + 1, time)
    steps = torch.arange(time, device=ids.device)
    ids = torch.where(steps < lengths.unsqueeze(1), ids, pad)
    return Decoded(ids, lengths, ended, ids)
